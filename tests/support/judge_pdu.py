"""pynetdicom's PDU classes as the judge of ours: the one thin place where its untyped values are touched."""

from __future__ import annotations

from typing import cast

from pydicom.uid import UID
from pynetdicom.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
)
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import PresentationContext

from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.userinfo import UserInformation

_KINDS = {
    1: A_ASSOCIATE_RQ,
    2: A_ASSOCIATE_AC,
    3: A_ASSOCIATE_RJ,
    5: A_RELEASE_RQ,
    6: A_RELEASE_RP,
    7: A_ABORT_RQ,
}


def through_pynetdicom(raw: bytes) -> bytes:
    """Return a PDU as pynetdicom writes it after it has read it."""
    one = _KINDS[raw[0]]()
    one.decode(raw)
    return one.encode()


def written_by_pynetdicom(value: pdu.AssociateRequest | pdu.AssociateAccept) -> bytes:
    """Return the bytes that pynetdicom makes of the same values."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID(value.application_context)
    primitive.calling_ae_title, primitive.called_ae_title = value.calling, value.called
    primitive.user_information = _user_items(value.user)
    if isinstance(value, pdu.AssociateRequest):
        primitive.presentation_context_definition_list = [_proposed(one) for one in value.contexts]
        request = A_ASSOCIATE_RQ()
        request.from_primitive(primitive)
        return request.encode()
    primitive.result, primitive.result_source = 0, 1
    primitive.presentation_context_definition_results_list = [_answered(one) for one in value.contexts]
    accept = A_ASSOCIATE_AC()
    accept.from_primitive(primitive)
    return accept.encode()


def _proposed(one: pdu.Proposed) -> PresentationContext:
    context = PresentationContext()
    context.context_id, context.abstract_syntax = one.context_id, UID(one.abstract_syntax)
    context.transfer_syntax = [UID(uid) for uid in one.transfer_syntaxes]
    return context


def _answered(one: pdu.Answered) -> PresentationContext:
    context = PresentationContext()
    context.context_id, context.result = one.context_id, one.result
    context.transfer_syntax = [UID(one.transfer_syntax)]
    return context


def _user_items(user: UserInformation) -> list[object]:
    length = MaximumLengthNotification()
    length.maximum_length_received = user.max_length
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID(user.implementation_class_uid)
    found: list[object] = [length, implementation]
    if user.async_operations is not None:
        window = AsynchronousOperationsWindowNegotiation()
        window.maximum_number_operations_invoked, window.maximum_number_operations_performed = (
            user.async_operations
        )
        found.append(window)
    found += [_role(one.sop_class_uid, scu=one.scu, scp=one.scp) for one in user.roles]
    if user.implementation_version:
        version = ImplementationVersionNameNotification()
        version.implementation_version_name = user.implementation_version
        found.append(version)
    return found + _rare_items(user)


def _role(uid: str, *, scu: bool, scp: bool) -> SCP_SCU_RoleSelectionNegotiation:
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = UID(uid), scu, scp
    return role


def _rare_items(user: UserInformation) -> list[object]:
    found: list[object] = []
    for uid, content in user.extended:
        extended = SOPClassExtendedNegotiation()
        extended.sop_class_uid, extended.service_class_application_information = UID(uid), content
        found.append(extended)
    for one in user.common_extended:
        common = SOPClassCommonExtendedNegotiation()
        common.sop_class_uid, common.service_class_uid = UID(one.sop_class_uid), UID(one.service_class_uid)
        common.related_general_sop_class_identification = [UID(uid) for uid in one.related]
        found.append(common)
    if user.identity is not None:
        identity = UserIdentityNegotiation()
        identity.user_identity_type = user.identity.kind
        identity.primary_field, identity.secondary_field = user.identity.primary, user.identity.secondary
        identity.positive_response_requested = user.identity.answer_wanted
        found.append(identity)
    if user.identity_answer is not None:
        answer = UserIdentityNegotiation()
        answer.server_response = user.identity_answer
        found.append(answer)
    return found


def command_elements(raw: bytes) -> dict[str, object]:
    """Return a command set by keyword, as pynetdicom decodes it."""
    from io import BytesIO  # noqa: PLC0415 - only here

    from pynetdicom.dsutils import decode  # noqa: PLC0415 - only here

    ds = decode(BytesIO(raw), True, True)  # noqa: FBT003 - pynetdicom's signature
    return {element.keyword: cast("object", element.value) for element in ds}
