"""What a storage SCP answers to an association request: pure negotiation (PS3.8 §7.1.1, PS3.4 §B.4)."""

from __future__ import annotations

from collections.abc import Collection

from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.association import OURSELVES
from adit_cli.nodes.dimse.contexts import IMPLICIT, VERIFICATION, is_storage
from adit_cli.nodes.dimse.userinfo import Role, UserInformation

PERMANENT, TRANSIENT = 1, 2
BY_USER, BY_ACSE, BY_PRESENTATION = 1, 2, 3
UNKNOWN_APPLICATION_CONTEXT, UNKNOWN_CALLING, UNKNOWN_CALLED, LOCAL_LIMIT = 2, 3, 7, 2
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_STANDARD_SYNTAXES = "1.2.840.10008.1.2"


def too_busy() -> pdu.AssociateReject:
    """Return the answer where as many associations are open as may be."""
    return pdu.AssociateReject(TRANSIENT, BY_PRESENTATION, LOCAL_LIMIT)


def answer(
    request: pdu.AssociateRequest, ae_title: str, *, welcome: bool = True
) -> pdu.AssociateAccept | pdu.AssociateReject:
    """Return acceptance or rejection; `welcome` is whether this caller may call at all."""
    if request.application_context != pdu.APPLICATION_CONTEXT:
        return pdu.AssociateReject(PERMANENT, BY_USER, UNKNOWN_APPLICATION_CONTEXT)
    if request.called != ae_title:
        return pdu.AssociateReject(PERMANENT, BY_USER, UNKNOWN_CALLED)
    if not welcome:
        return pdu.AssociateReject(PERMANENT, BY_USER, UNKNOWN_CALLING)
    contexts = tuple(_answered(one) for one in request.contexts)
    return pdu.AssociateAccept(request.called, request.calling, contexts, _user(request.user))


def accepted_contexts(
    request: pdu.AssociateRequest, accept: pdu.AssociateAccept
) -> dict[int, tuple[str, str]]:
    """Return abstract and transfer syntax of the accepted contexts by their identifiers."""
    asked = {one.context_id: one.abstract_syntax for one in request.contexts}
    return {
        one.context_id: (asked[one.context_id], one.transfer_syntax)
        for one in accept.contexts
        if one.result == pdu.ACCEPTED
    }


def _answered(context: pdu.Proposed) -> pdu.Answered:
    if context.abstract_syntax != VERIFICATION and not is_storage(context.abstract_syntax):
        return pdu.Answered(context.context_id, pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED, IMPLICIT)
    chosen = _chosen(context.transfer_syntaxes)
    if not chosen:
        return pdu.Answered(context.context_id, pdu.TRANSFER_SYNTAXES_NOT_SUPPORTED, IMPLICIT)
    return pdu.Answered(context.context_id, pdu.ACCEPTED, chosen)


def _chosen(transfer_syntaxes: Collection[str]) -> str:
    """Return the requestor's first one that keeps VRs and is not retired, else what there is."""
    known = [uid for uid in transfer_syntaxes if uid.startswith(_STANDARD_SYNTAXES)]
    good = [uid for uid in known if uid not in {IMPLICIT, _BIG_ENDIAN}]
    return next(iter((*good, *sorted(known))), "")


def _user(asked: UserInformation) -> UserInformation:
    """Return our user information: the requestor stays the SCU, whatever roles it asked for."""
    roles = tuple(Role(one.sop_class_uid, scu=one.scu, scp=False) for one in asked.roles)
    wanted = asked.identity is not None and asked.identity.answer_wanted
    return UserInformation(
        OURSELVES.max_length,
        OURSELVES.implementation_class_uid,
        OURSELVES.implementation_version,
        roles=roles,
        identity_answer=b"" if wanted else None,
    )
