"""What a card says in a world that is made up: the values that matter for each fact, and the sum of a card over some.

The linter looks for rivals with it. The rule of this file: it scores as `scorecard` does, without ages and sources.
"""

from collections.abc import Iterator, Mapping

from probes.facts import FACTS, FactKind, Scalar
from probes.linetest.conditions import Condition
from probes.linetest.lint import parts
from probes.linetest.pack import Card, Pack

World = Mapping[str, Scalar]
#: distance from a threshold, as a share of it: just below and just above
_NEAR = 1e-3
#: what two facts that are compared with each other are tried at
_COMPARED = (1.0, 1000.0)
#: a text that no pack knows
OTHER_TEXT = "something else"


def domains(pack: Pack) -> dict[str, tuple[Scalar, ...]]:
    """Return fact → the values at which any condition of the pack changes its answer; derived facts included."""
    found: dict[str, set[Scalar]] = {}
    for condition in all_conditions(pack):
        if condition.fact is None:
            continue
        if condition.value_fact is not None:
            found.setdefault(condition.fact, set()).update(_COMPARED)
            found.setdefault(condition.value_fact, set()).update(_COMPARED)
            continue
        listed = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        found.setdefault(condition.fact, set()).update(value for one in listed for value in _around(one))
    for name, values in found.items():
        spec = FACTS.get(name)
        if spec is not None and spec.values:
            values.update(spec.values)
        elif spec is not None and spec.kind is FactKind.TEXT:
            values.add(OTHER_TEXT)
    return {name: tuple(sorted(values, key=str)) for name, values in sorted(found.items())}


def _around(value: object) -> tuple[Scalar, ...]:
    if isinstance(value, bool):
        return (True, False)
    if isinstance(value, int | float):
        near = _NEAR * max(1.0, abs(value))
        return (value - near, value, value + near)
    return (value,) if isinstance(value, str) else ()


def all_conditions(pack: Pack) -> Iterator[Condition]:
    """Yield every single condition of the pack's cards, gates and rules, joint ones taken apart."""
    file = pack.file
    rules: list[Condition] = [file.outage.when]
    rules += [gate.when for gate in file.gate]
    rules += [item.when for item in file.distrust]
    rules += [item.when for item in file.fallback]
    rules += [kind.when for kind in file.outage.kinds if kind.when is not None]
    rules += [row for cause in file.cause.values() for row in file.rows(cause)]
    for rule in rules:
        yield from parts(rule)


def score(pack: Pack, card: Card, world: World) -> float:
    """Return the sum of a card without its prior: of each group only the strongest points count."""
    results = pack.steps.settle(world)
    strongest: dict[str, float] = {}
    for row in card.rows:
        held = results[row.place]
        if held is None or (row.only_if and world.get(row.only_if) is not True):
            continue
        points = row.yes if held else row.no
        if (abs(points), -points) > (abs(was := strongest.get(row.group, 0.0)), -was):
            strongest[row.group] = points
    return sum(strongest.values())


def ideal(pack: Pack, card: Card, tried: Mapping[str, tuple[Scalar, ...]]) -> dict[str, Scalar]:
    """Return the world that a card describes: each of its facts at the value that speaks most for it."""
    predicates = {row.only_if for row in card.rows if row.only_if}
    names = sorted({name for row in card.rows for name in row.facts} | predicates)
    world: dict[str, Scalar] = {name: True for name in names if name not in tried}
    for _ in range(2):  # a second round, for rows over several facts
        for name in names:
            values = tried.get(name, ())
            if values:
                world[name] = max(values, key=lambda value: score(pack, card, {**world, name: value}))
    return world


def base_domains(pack: Pack) -> dict[str, tuple[Scalar, ...]]:
    """Return measured fact → the values at which any condition changes its answer; derived ones told by their base."""
    found = {name: set(values) for name, values in domains(pack).items() if name in FACTS}
    limits = pack.limits
    sensitivity = limits.sensitivity_dbm[limits.default_class]
    overload = limits.overload_dbm[limits.default_class]
    light = found.setdefault("ont.rx_dbm", set())
    for name, values in domains(pack).items():
        for value in values:
            if isinstance(value, str | bool):
                continue
            if name.startswith("@light_margin"):
                light.add(round(sensitivity + value, 3))
            elif name == "@light_headroom_db":
                light.add(round(overload - value, 3))
    for name in ("ont.optical_class",):
        found.setdefault(name, set()).update(pack.file.optical)
    return {name: _of_kind(name, values) for name, values in sorted(found.items())}


def _of_kind(name: str, values: set[Scalar]) -> tuple[Scalar, ...]:
    if FACTS[name].kind is FactKind.COUNT:
        values = {round(value) for value in values if isinstance(value, int | float) and value >= 0}
    return tuple(sorted(values, key=str))
