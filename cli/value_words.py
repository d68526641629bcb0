"""Words for the codes that facts have as values. The rule: the code stays beside its word: rules name it."""

from cli.texts import N_, _

#: code → what a person reads; codes that are not here stay as they are
WORDS = {
    "online": N_("online"),
    "offline": N_("offline"),
    "dgi": N_("loss of power"),
    "los": N_("loss of light"),
    "losi": N_("loss of light"),
    "lofi": N_("loss of frame"),
    "sfi": N_("signal fail"),
    "deactivated": N_("switched off on the OLT"),
    "rogue": N_("light out of turn"),
    "active": N_("active"),
    "inactive": N_("not active"),
    "blocked": N_("blocked"),
    "suspended": N_("suspended"),
    "accept": N_("accepted"),
    "reject_password": N_("refused: wrong password"),
    "reject_max_sessions": N_("refused: too many sessions"),
    "reject_blocked": N_("refused: blocked"),
    "red": N_("red"),
    "on": N_("on"),
    "off": N_("off"),
    "open": N_("open circuit"),
    "short": N_("short circuit"),
    "earth": N_("leak to earth"),
    "foreign-voltage": N_("foreign voltage"),
    "mismatch": N_("does not match"),
}


def word(value: str) -> str:
    """Return the word of a code alone, as a norm has it; what is no code comes back as it is."""
    return _(WORDS[value]) if value in WORDS else value


def worded(value: str) -> str:
    """Return a code with its word: `loss of power (dgi)`; a code that is a word already stays alone."""
    said = word(value)
    return value if said == value else f"{said} ({value})"
