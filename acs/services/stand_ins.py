"""A line judged whatever its pack does: where the pack cannot judge, the server's own one judges, and a person looks.

    pack of the line ─ raises ─→ pack of the server ─ raises ─→ packaged pack, each said so in the verdict

The rule of this file: a ticket is never without an answer because of a rule that somebody wrote.
"""

from collections.abc import Callable, Sequence

import structlog

from acs.services.line_judging import Judgement
from acs.services.shadows import problem
from probes.linetest.pack import Pack

log = structlog.get_logger()

#: (pack, why another one could not) → the judgement
Judge = Callable[[Pack, str], Judgement]


def judge_or_stand_in(packs: Sequence[Pack], judge: Judge, test: str, failed: str = "") -> tuple[Judgement, Pack]:
    """Return the judgement of the first pack that can give one, and that pack.

    `packs` in the order in which they are asked; `failed` says why one before them could not be had. Raises what the
    last of them raises: then it is no fault of a pack.
    """
    why = failed
    for pack in packs[:-1]:
        try:
            return judge(pack, why), pack
        except Exception as error:  # rules are a person's work: another pack stands in, and the verdict says so
            log.exception("pack.failed", pack=pack.ref.hash, name=pack.ref.id, test=test, silent=False)
            why = why or f"pack {pack.ref.id} {pack.ref.version} ({pack.ref.hash}) could not judge: {problem(error)}"
    return judge(packs[-1], why), packs[-1]
