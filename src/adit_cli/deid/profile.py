"""The job's de-identification, compiled once into lookups by tag.

So a file costs by how many elements it holds, not by how many rules there are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files

from adit_cli.deid.content import ContentRules, content_rules
from adit_cli.deid.context import Keys
from adit_cli.deid.masks import Mask, load_masks
from adit_cli.deid.net import rules_by_tag, rules_by_vr
from adit_cli.deid.rules import Clean, Empty, Keep, Rule, ShiftDate, YearOnly
from adit_cli.deid.selectors import PrivateTag, Selector, Step, parse_private, parse_selector
from adit_cli.deid.spec import DeidSpec, Masks, Option
from adit_cli.deid.stamps import stamps_of
from adit_cli.deid.table import CLEANED, OUR_LETTERS, Row, letters_by_sop_class, rows, rule_of
from adit_cli.deid.uids import subkey
from adit_cli.deid.vocabulary import own_words
from adit_cli.dicom.elements import Elements
from adit_cli.dicom.vr import standard_vr
from adit_cli.errors import UsageError

BIRTH_DATE = 0x00100030
TELLING_VRS = frozenset(("UI", "DA", "DT", "PN", "LO", "SH", "ST", "LT", "UT", "AE"))
"""VRs of values that the search for leaks would look for, were they not kept on purpose."""


@dataclass(slots=True)
class PathNode:
    """Rules of the job for one place in the tree of sequences, and what lies below it."""

    rules: dict[int, Rule] = field(default_factory=dict[int, Rule])
    private: dict[PrivateTag, Rule] = field(default_factory=dict[PrivateTag, Rule])
    below: dict[int, PathNode] = field(default_factory=dict[int, "PathNode"])

    def kept(self) -> frozenset[int]:
        """Return the tags that some rule of a path keeps."""
        here = _disclosed(self.rules)
        return here.union(*(node.kept() for node in self.below.values()))


@dataclass(frozen=True)
class Profile:
    """What is done with every element, and the keys it is done with."""

    spec: DeidSpec
    keys: Keys
    trial: tuple[str, str]
    rules: Mapping[int, Rule]
    """Every tag that the standard knows → its rule; also private tags that the job names by number."""
    by_type: Mapping[str, Mapping[int, Rule]]
    """SOP class → rules for top-level elements whose type in its IOD decides between several actions."""
    by_vr: Mapping[str, Rule]
    """Rules by VR for elements that come with another VR than the standard's."""
    own: Mapping[int, Rule]
    """The job's rules that hold at any depth."""
    paths: PathNode
    private: Mapping[PrivateTag, Rule]
    safe_vrs: Mapping[PrivateTag, str]

    stamps: Elements
    """What every data set says of its de-identification."""
    disclosed: frozenset[int]
    """Tags whose values, or dates made from them, stay on purpose."""
    masks: tuple[Mask, ...] = ()

    @cached_property
    def content(self) -> ContentRules | None:
        """What concepts say of content items; None where they are not asked."""
        return content_rules(self.spec.options)

    @cached_property
    def cleans_codes(self) -> bool:
        """Whether meanings of codes from local schemes are cleaned like texts."""
        return Option.CLEAN_DESCRIPTORS in self.spec.options


def compile_profile(spec: DeidSpec, key: bytes, *, trial: tuple[str, str] = ("", "")) -> Profile:
    """Return the job's de-identification in the form that files are put through.

    UsageError where a list of words or the masks that the job names cannot be read.
    """
    _read_word_lists(spec.rules.values())
    selectors = {parse_selector(text): rule for text, rule in spec.rules.items()}
    own = {
        tag: rule
        for selector, rule in selectors.items()
        if selector.anywhere
        for tag in selector.steps[0].tags
    }
    safe = _safe_private(spec)
    private = {tag: Keep() for tag in safe} | {
        selector.steps[0].private: rule
        for selector, rule in selectors.items()
        if selector.anywhere and selector.steps[0].private
    }
    rules = {**rules_by_tag(spec.options), **_table(spec), **own}
    paths = _paths(selectors)
    return Profile(
        spec=spec,
        keys=Keys(subkey(key, "uid"), subkey(key, "date"), subkey(key, "code")),
        trial=trial,
        rules=rules,
        by_type=_by_type(spec.options, own),
        by_vr=rules_by_vr(spec.options),
        own=own,
        paths=paths,
        private=private,
        safe_vrs=safe,
        stamps=stamps_of(spec, trial),
        disclosed=_disclosed(rules) | paths.kept(),
        masks=load_masks(spec.burned_in.masks) if isinstance(spec.burned_in, Masks) else (),
    )


def _table(spec: DeidSpec) -> dict[int, Rule]:
    """Return the table's rules under the options, and those that no column of it holds."""
    ours = [Row(tag, "", letter, {}) for tag, letter in OUR_LETTERS.items()]
    table = {row.tag: rule_of(row, spec.options) for row in (*ours, *rows())}
    if Option.CLEAN_DESCRIPTORS in spec.options:
        table |= dict.fromkeys(CLEANED, Clean(needed=True))
    births: dict[str, Rule] = {"empty": Empty(), "year": YearOnly(), "shift": ShiftDate()}
    return table | {BIRTH_DATE: births[spec.dates.birth_date]}


def _by_type(options: Collection[Option], own: Mapping[int, Rule]) -> dict[str, Mapping[int, Rule]]:
    """Return rules by IOD; X/Z/U* is always U, since references are to hold where others list them too."""
    combined = {
        row.tag: row
        for row in rows()
        if "/" in row.action and not row.action.endswith("*") and row.tag not in own
    }
    return {
        sop_class: {
            tag: rule_of(combined[tag], options, letter) for tag, letter in letters.items() if tag in combined
        }
        for sop_class, letters in letters_by_sop_class().items()
    }


def _safe_private(spec: DeidSpec) -> dict[PrivateTag, str]:
    """Return the private elements that may stay, with the VR that they must have."""
    if Option.SAFE_PRIVATE not in spec.options:
        return {}
    text = files("adit_cli.deid").joinpath("data/safe_private.txt").read_text("utf-8")
    lines = (line.split(",", 3) for line in text.splitlines() if not line.startswith("#"))
    standard = {PrivateTag(int(group, 16), int(number, 16), name): vr for group, number, vr, name in lines}
    own = (parse_private(written) for written in spec.safe_private)
    return {tag: "" for tag in own if tag} | standard


def _paths(selectors: Mapping[Selector, Rule]) -> PathNode:
    root = PathNode()
    for selector, rule in selectors.items():
        if not selector.anywhere:
            _add_path(root, selector.steps, rule)
    return root


def _add_path(node: PathNode, steps: tuple[Step, ...], rule: Rule) -> None:
    step, rest = steps[0], steps[1:]
    if rest:
        for tag in step.tags:
            _add_path(node.below.setdefault(tag, PathNode()), rest, rule)
        return
    node.rules |= dict.fromkeys(step.tags, rule)
    if step.private:
        node.private[step.private] = rule


def _disclosed(rules: Mapping[int, Rule]) -> frozenset[int]:
    return frozenset(
        tag
        for tag, rule in rules.items()
        if isinstance(rule, Keep | ShiftDate | YearOnly) and standard_vr(tag) in TELLING_VRS
    )


def _read_word_lists(rules: Collection[Rule]) -> None:
    for rule in rules:
        if isinstance(rule, Clean) and rule.allowlist:
            try:
                own_words(rule.allowlist)
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(
                    f"The word list {rule.allowlist} cannot be read: {error}",
                    hint="Name a UTF-8 text file with one or more words a line.",
                ) from error
