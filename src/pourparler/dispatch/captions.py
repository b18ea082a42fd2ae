"""What stands on a sheet for people, in English and French. It proves nothing: what counts is in the codes."""

from collections.abc import Callable
from typing import Literal

from pourparler.core.act import Act

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")
Names = Callable[[bytes], str | None]  # a name for an id, or none

WORDS: dict[str, dict[Language, str]] = {
    "title": {"en": "Dispatch by courier", "fr": "Dépêche par courrier"},
    "page": {"en": "page {page} of {pages}", "fr": "page {page} sur {pages}"},
    "act": {"en": "Act {act}", "fr": "Acte {act}"},
    "by": {"en": "by {who}", "fr": "de {who}"},
    "member": {
        "en": "one member's signature, key {kid}: it counts together with the others'",
        "fr": "la signature d'un membre, clé {kid} : elle compte avec celles des autres",
    },
    "acts": {"en": "{number} acts", "fr": "{number} actes"},
    "more": {"en": "and {number} more", "fr": "et {number} autres"},
    "one-of-one": {"en": "This one code suffices.", "fr": "Ce seul code suffit."},
    "one-of": {"en": "Any one of these {codes} codes suffices.", "fr": "N'importe lequel de ces {codes} codes suffit."},
    "any-of": {
        "en": "Any {enough} of these {codes} codes suffice.",
        "fr": "{enough} de ces {codes} codes suffisent, n'importe lesquels.",
    },
    "read": {
        "en": "Photograph the codes and run: pourparler dispatch receive --via courier PHOTO…",
        "fr": "Photographiez les codes et lancez : pourparler dispatch receive --via courier PHOTO…",
    },
    "secret": {
        "en": "Whoever has this sheet can read it. Nobody can change it unseen.",
        "fr": "Qui a cette feuille peut la lire. Personne ne peut la changer sans que cela se voie.",
    },
    "top": {"en": "at the top", "fr": "en haut"},
    "middle": {"en": "in the middle", "fr": "au milieu"},
    "bottom": {"en": "at the bottom", "fr": "en bas"},
    "left": {"en": "on the left", "fr": "à gauche"},
    "right": {"en": "on the right", "fr": "à droite"},
    "centre": {"en": "in the centre", "fr": "au centre"},
}

KIND_WORDS: dict[str, dict[Language, str]] = {
    "found": {"en": "Founding of a party", "fr": "Fondation d'une partie"},
    "constitute": {"en": "Creation of an organ", "fr": "Création d'un organe"},
    "elect": {"en": "Election to an organ", "fr": "Élection à un organe"},
    "appoint": {"en": "Appointment of keys", "fr": "Désignation de clés"},
    "hand-over": {"en": "Handing over of powers", "fr": "Transmission de pouvoirs"},
    "dissolve": {"en": "Dissolution of an organ", "fr": "Dissolution d'un organe"},
    "move-home": {"en": "Move to another ledger", "fr": "Passage à un autre registre"},
    "recover": {"en": "Replacement of members' keys", "fr": "Remplacement de clés de membres"},
    "grant": {"en": "Mandate", "fr": "Mandat"},
    "dismiss": {"en": "Dismissal", "fr": "Révocation"},
    "lift": {"en": "Lifting of a red line", "fr": "Levée d'une ligne rouge"},
    "decide": {"en": "Decision", "fr": "Décision"},
    "deliberate": {"en": "Deliberation", "fr": "Délibération"},
    "confirm": {"en": "Answer to an act that needs confirmation", "fr": "Réponse à un acte à confirmer"},
    "object": {"en": "Objection", "fr": "Opposition"},
    "urgent-dismiss": {"en": "Urgent dismissal", "fr": "Révocation d'urgence"},
    "urgent-grant": {"en": "Urgent mandate", "fr": "Mandat d'urgence"},
    "suspend": {"en": "Suspension", "fr": "Suspension"},
    "call": {"en": "Call of a vote", "fr": "Appel au vote"},
    "vote": {"en": "Vote", "fr": "Vote"},
    "question": {"en": "Question to an organ", "fr": "Question à un organe"},
    "answer": {"en": "Answer to a question", "fr": "Réponse à une question"},
    "dissent": {"en": "Dissent", "fr": "Opinion dissidente"},
    "delegate": {"en": "Mandate handed on in part", "fr": "Mandat transmis en partie"},
    "revoke": {"en": "Revocation of a mandate below", "fr": "Retrait d'un mandat subordonné"},
    "query": {"en": "Query about authenticity", "fr": "Demande d'authenticité"},
    "reply": {"en": "Reply", "fr": "Réponse"},
    "certify": {"en": "Certificate of a holder", "fr": "Certificat d'un mandataire"},
    "withdraw-certificate": {"en": "Withdrawal of a certificate", "fr": "Retrait d'un certificat"},
    "beacon": {"en": "Beacon", "fr": "Signal de veille"},
    "open": {"en": "Opening of talks", "fr": "Ouverture de pourparlers"},
    "join": {"en": "Joining of talks", "fr": "Entrée en pourparlers"},
    "say": {"en": "Statement", "fr": "Déclaration"},
    "acknowledge": {"en": "Acknowledgement", "fr": "Accusé de réception"},
    "reveal": {"en": "Disclosure of a private line", "fr": "Révélation d'une ligne privée"},
    "invite": {"en": "Invitation to accede", "fr": "Invitation à adhérer"},
    "suspend-talks": {"en": "Suspension of talks", "fr": "Suspension des pourparlers"},
    "resume-talks": {"en": "Resumption of talks", "fr": "Reprise des pourparlers"},
    "close": {"en": "Close of talks", "fr": "Clôture des pourparlers"},
    "publish": {"en": "Publication of texts", "fr": "Publication de textes"},
    "propose": {"en": "Proposal", "fr": "Proposition"},
    "reject": {"en": "Rejection", "fr": "Rejet"},
    "withdraw": {"en": "Withdrawal of a proposal", "fr": "Retrait d'une proposition"},
    "adopt": {"en": "Adoption of a text", "fr": "Adoption d'un texte"},
    "initial": {"en": "Initials", "fr": "Paraphe"},
    "sign-ad-referendum": {"en": "Signature ad referendum", "fr": "Signature ad referendum"},
    "conclude": {"en": "Definitive signature", "fr": "Signature définitive"},
    "withdraw-signature": {"en": "Withdrawal of a signature", "fr": "Retrait d'une signature"},
    "ratify": {"en": "Ratification", "fr": "Ratification"},
    "refuse": {"en": "Refusal of a text", "fr": "Refus d'un texte"},
    "accede": {"en": "Accession", "fr": "Adhésion"},
    "apply": {"en": "Provisional application", "fr": "Application provisoire"},
    "stop-applying": {"en": "End of provisional application", "fr": "Fin de l'application provisoire"},
    "object-reservation": {"en": "Objection to a reservation", "fr": "Objection à une réserve"},
    "denounce": {"en": "Denunciation", "fr": "Dénonciation"},
    "withdraw-denunciation": {"en": "Withdrawal of a denunciation", "fr": "Retrait d'une dénonciation"},
    "breach": {"en": "Allegation of a breach", "fr": "Allégation d'une violation"},
    "remedy": {"en": "Invocation of a remedy", "fr": "Invocation d'un recours"},
    "ledger": {"en": "Beginning of a ledger", "fr": "Début d'un registre"},
    "stamp": {"en": "Stamp of a ledger", "fr": "Timbre d'un registre"},
}


def words(key: str, language: Language, **given: object) -> str:
    return WORDS[key][language].format(**given)


def kind_words(kind: str, language: Language) -> str:
    """Return what people call a kind."""
    return KIND_WORDS[kind][language]


def short(identifier: bytes) -> str:
    return f"{identifier[:4].hex()}…"


def named(identifier: bytes, names: Names) -> str:
    """Return an id's name, if it has one here, and always how the id begins: names prove nothing."""
    name = printable(names(identifier) or "")
    return f"“{name}” ({short(identifier)})" if name else short(identifier)


def printable(text: str) -> str:
    """Return a text without what a page or terminal would obey: one line, of what can be seen."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def speaker(act: Act, names: Names) -> str:
    """Return who speaks in an act, as the act says."""
    for field in ("organ", "by", "class", "party", "origin"):
        value = act.get(field)
        if isinstance(value, bytes):
            return named(value, names)
        if isinstance(value, str):
            return printable(value)
    return f"“{printable(act['name'])}”" if "name" in act.payload else short(act.id)


def lines_of(act: Act, names: Names, language: Language) -> list[str]:
    """Return what stands above an act's codes: what it is, by whom, and which."""
    what = kind_words(act.kind, language)
    about = next((act[field] for field in ("mandate", "target", "about", "text") if act.get(field)), None)
    if isinstance(about, bytes):
        what = f"{what}: {named(about, names)}"
    who = words("by", language, who=speaker(act, names))
    return [f"{what}, {who}", words("act", language, act=act.id.hex())]


def place(across: float, down: float, language: Language) -> str:
    """Return where something is on a page, of which it lies so far across and down, each from 0 to 1."""
    rows = ("top", "middle", "bottom")[min(2, int(down * 3))]
    columns = ("left", "centre", "right")[min(2, int(across * 3))]
    return f"{words(rows, language)} {words(columns, language)}"
