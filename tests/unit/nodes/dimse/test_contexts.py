from adit_cli.nodes.dimse.contexts import (
    COMMON,
    EXPLICIT,
    IMPLICIT,
    STUDY_GET,
    find_contexts,
    get_contexts,
    get_roles,
    is_storage,
    merged,
    numbered,
    store_contexts,
)

CT, SR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.22"


def test_no_request_ever_has_more_than_128_contexts() -> None:
    for classes in ((), COMMON[:1], COMMON[:6], COMMON[:40], COMMON):
        contexts = merged(find_contexts(), get_contexts(classes))

        assert len(contexts) <= 128
        assert all(any(uid == abstract for abstract, _ in contexts) for uid in classes or COMMON)


def test_identifiers_are_odd_and_each_is_used_once() -> None:
    numbers = [one.context_id for one in numbered(merged(find_contexts(), get_contexts()))]

    assert len(set(numbers)) == len(numbers)
    assert all(number % 2 and number < 256 for number in numbers)


def test_few_classes_have_a_context_for_each_transfer_syntax_uncompressed_first() -> None:
    contexts = get_contexts([CT, SR])

    assert contexts[:3] == [(STUDY_GET, (EXPLICIT, IMPLICIT)), (CT, (EXPLICIT,)), (CT, (IMPLICIT,))]
    assert (CT, ("1.2.840.10008.1.2.4.70",)) in contexts
    assert not any(
        abstract == SR and syntaxes[0].startswith("1.2.840.10008.1.2.4") for abstract, syntaxes in contexts
    )


def test_we_are_the_scp_of_what_is_stored_to_us() -> None:
    roles = get_roles(get_contexts([CT, SR]))

    assert [(one.sop_class_uid, one.scu, one.scp) for one in roles] == [(CT, False, True), (SR, False, True)]


def test_pairs_to_store_are_proposed_once_each() -> None:
    assert store_contexts([(CT, EXPLICIT), (CT, EXPLICIT), (CT, IMPLICIT)]) == [
        (CT, (EXPLICIT,)),
        (CT, (IMPLICIT,)),
    ]


def test_private_classes_are_taken_for_storage_and_query_is_not() -> None:
    assert is_storage("1.3.46.670589.11.0.0.12.1")
    assert is_storage("1.2.840.10008.5.1.4.1.1.999")
    assert not is_storage(STUDY_GET)
    assert not is_storage("")
