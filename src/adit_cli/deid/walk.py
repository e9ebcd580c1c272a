"""The one pass over a data set, at every depth: the job's rules, private elements, the table, then the VR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from adit_cli.deid.content import CONCEPT_NAME, CONTENT_SEQUENCES
from adit_cli.deid.context import Context
from adit_cli.deid.net import is_malformed
from adit_cli.deid.profile import PathNode, Profile
from adit_cli.deid.rules import Clean, Empty, Keep, Remove, Rule
from adit_cli.deid.selectors import PrivateTag
from adit_cli.dicom.elements import Element, Elements
from adit_cli.dicom.vr import PRIVATE_CREATORS, standard_vr

CODE_MEANING, CODING_SCHEME = 0x00080104, 0x00080102
STANDARD_SCHEMES = frozenset(
    (b"DCM", b"SCT", b"SRT", b"SNM3", b"LN", b"UCUM", b"FMA", b"RADLEX", b"UMLS", b"NCIt", b"I10", b"ICD10")
)
"""Coding schemes whose meanings are the standard's words, not those of someone at a console."""
NOWHERE = PathNode()
_NOTHING: Mapping[int, Rule] = {}
_KEEP, _EMPTY, _REMOVE, _CLEAN = Keep(), Empty(), Remove(), Clean(needed=True)

Observer = Callable[[tuple[int, ...], Element, Element | None, Rule], None]


@dataclass(slots=True)
class Walk:
    """One data set on its way through a profile."""

    profile: Profile
    context: Context
    observer: Observer | None = None
    """Told of every element that a rule changes: its path, before, after, and the rule."""
    originals: list[Element] = field(default_factory=list[Element])
    """What was changed or removed, as it came in."""
    path: list[int] = field(default_factory=list[int])

    def data_set(self, elements: Elements, sop_class: str) -> Elements:
        """Return what is left of a whole data set."""
        by_type = self.profile.by_type.get(sop_class)
        rules = {**self.profile.rules, **by_type} if by_type else self.profile.rules
        return self.level(elements, rules, self.profile.paths)

    def level(self, elements: Elements, rules: Mapping[int, Rule], node: PathNode) -> Elements:
        """Return what is left of the data set itself, or of an item of a sequence."""
        left: Elements = {}
        special, own = self.special_rules(elements, node), self.profile.own
        for tag, element in elements.items():
            rule = special.get(tag) or rules.get(tag, _REMOVE)
            if type(rule) is Keep and tag not in special and tag not in own:
                rule = self.rule_for_kept(element)
            changed = rule.apply(element, self.context)
            if changed is not element:
                self.note(element, changed, rule)
            if changed is not None:
                kept_items = changed is element and element.items is not None
                left[tag] = self.sequence(element, node) if kept_items else changed
        self.restore_creators(elements, left)
        return left

    def sequence(self, element: Element, node: PathNode) -> Element:
        """Return a kept sequence with each of its items gone through."""
        below = node.below.get(element.tag, NOWHERE)
        coming = self.content(element) if element.tag in CONTENT_SEQUENCES else element.items or ()
        self.path.append(element.tag)
        items = [self.level(item, self.profile.rules, below) for item in coming]
        self.path.pop()
        return Element(element.tag, element.vr, items=items, undefined=element.undefined)

    def content(self, element: Element) -> list[Elements]:
        """Return the content items of which the concept may leave."""
        items, rules = element.items or [], self.profile.content
        removed = [item for item in items if rules and rules.removes(item)]
        for item in removed:
            self.note(Element(element.tag, element.vr, items=[item]), None, _REMOVE)
        return [item for item in items if item not in removed]

    def rule_for_kept(self, element: Element) -> Rule:
        """Return what is done with an element that no rule changes, should its value not fit its tag."""
        vr = element.vr
        if vr == "SQ" and element.items is None:
            return _EMPTY
        if vr in self.profile.by_vr and element.items is None:
            expected = standard_vr(element.tag)
            if vr not in {expected, "UN"}:
                return self.profile.by_vr[vr]
            vr = expected
        return _EMPTY if is_malformed(vr, element.value) else _KEEP

    def special_rules(self, elements: Elements, node: PathNode) -> Mapping[int, Rule]:
        """Return the rules of this place alone: paths, private elements, meanings of local codes."""
        profile = self.profile
        content = profile.content if CONCEPT_NAME in elements else None
        if node is NOWHERE and not profile.private and not profile.cleans_codes and not content:
            return _NOTHING
        rules = {**(content.rules_for(elements) if content else {}), **node.rules}
        if profile.private or node.private:
            rules |= self.private_rules(elements, {**profile.private, **node.private})
        if profile.cleans_codes and CODE_MEANING in elements and not _has_standard_scheme(elements):
            rules.setdefault(CODE_MEANING, _CLEAN)
        return rules

    def private_rules(self, elements: Elements, rules: Mapping[PrivateTag, Rule]) -> dict[int, Rule]:
        """Return rules by tag for private elements, whose block is found by its creator (PS3.5 §7.8.1)."""
        found: dict[int, Rule] = {}
        for tag, element in elements.items():
            if tag & 0x10000 and tag & 0xFFFF > PRIVATE_CREATORS[-1]:
                creator = elements.get(_creator_tag(tag))
                name = creator.value.strip(b" \0").decode("latin_1") if creator else ""
                private = PrivateTag(tag >> 16, tag & 0xFF, name)
                rule = rules.get(private)
                if rule:
                    found[tag] = self.rule_for_private(private, rule, element)
        return found

    def rule_for_private(self, private: PrivateTag, rule: Rule, element: Element) -> Rule:
        """Return a private element's rule; a safe one must look as the standard's list says it does."""
        expected = self.profile.safe_vrs.get(private)
        if expected is None:
            return rule
        vr = expected or element.vr
        if element.items is not None or element.vr not in {vr, "UN"} or is_malformed(vr, element.value):
            return _REMOVE
        return self.profile.by_vr.get(vr, rule) if vr != "UN" else rule

    def restore_creators(self, elements: Elements, left: Elements) -> None:
        """Put back the creators of the private elements that stay; without them they mean nothing."""
        creators = {_creator_tag(tag) for tag in left if tag & 0x10000}
        for tag in creators & elements.keys():
            left[tag] = elements[tag]

    def note(self, element: Element, changed: Element | None, rule: Rule) -> None:
        """Record that a rule changed an element."""
        self.originals.append(element)
        self.context.actions[element.tag, rule.action] += 1
        if self.observer:
            self.observer((*self.path, element.tag), element, changed, rule)


def _creator_tag(tag: int) -> int:
    """Return the tag of the element that names the owner of a private element's block."""
    return tag & 0xFFFF0000 | tag >> 8 & 0xFF


def _has_standard_scheme(item: Elements) -> bool:
    scheme = item.get(CODING_SCHEME)
    return scheme is not None and scheme.value.strip(b" \0") in STANDARD_SCHEMES
