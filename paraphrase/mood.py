"""In what mood an English instruction speaks, by simple signs; good enough for shares, not for single sentences."""

from __future__ import annotations

import re
from typing import Final

MOODS: Final = ("imperative", "question", "polite", "chatty", "wish", "terse", "statement", "other language")
"""One for each sentence; `mood_of` says which sign decides."""

_POLITE = re.compile(
    r"\b(please|kindly|thanks|thank you|grateful|appreciate|be so kind|would you mind|do you mind|may i|might i"
    r"|if you (would|could)|could i (trouble|ask)|i beg)\b"
)
_CHATTY = re.compile(
    r"^\W*(hey|hi|hello|yo|ok|okay|alright|right|so|well|psst|quick one|listen)\b"
    r"|\b(let's|lets|gonna|wanna|gotta|buddy|folks|guys|real quick|no worries|going to need)\b"
)
_QUESTION = re.compile(
    r"\?|^(who|what|which|where|when|why|how|can|could|would|will|is|are|do|does|may|might|should|shall)\b"
)
_WISH = re.compile(
    r"^(\w+ ){0,2}?(i|we|my|our)\b|^i'(d|m)\b|\b(i|we) (want|need|wish|would like|'d like|am after|am looking)\b"
)
_LEAD = re.compile(r"^(now|then|just|simply|first|next|carefully|here|and|only|also|go)\b,? ")
_VERB_LIST = """
    add annotate apply assign be beautify block blow blur box break brighten bring brush build calculate carve cast
    censor center change check choose circle classify clean clear clip coat code color colorize colour compare
    complete compose compute connect continue convert correct count cover create crop cut darken deblock deblur
    decide dehaze delete denoise depict derain derive describe detach detect determine discard display divide do dot
    drape draw dress drop dye edit eliminate encircle enclose encode enhance enlarge erase estimate exchange expand
    extend extract figure fill filter find fix flag flip flood follow forget frame generate get give go grow guess
    handle have help hide highlight hold identify illuminate imagine improve increase indicate inpaint insert invent
    invert isolate keep label lay leave let lift light lighten list localize locate look lose make map mark mask
    match measure mend move name note open outline outpaint output overlay paint parse partition perform pick
    picture pin pinpoint place plot point pose position predict prepare present print produce provide pull push put
    read rebuild recolor reconstruct recover redact redraw reduce refine regenerate relight remove render repaint
    repair replace reproduce rescue restore restyle retouch return reveal reverse rewrite rid run say scan scrub
    search segment select separate set shade sharpen show simulate sketch smooth solve sort spell split spot spread
    stamp start stick stop straighten strip substitute suppress surround swap switch synthesise synthesize tag take
    tally tell think tidy tint trace track transfer transform translate treat trim try turn uncover uncrop undo
    unveil upscale use visualise visualize wash whiten wipe work wrap write zoom
    """
_VERBS = frozenset(_VERB_LIST.split())
_FINITE = re.compile(
    r"\b(is|are|was|were|am|be|has|have|had|do|does|should|must|can|may|will|would|shall|need|needs|want|wants|goes|go"
    r"|stays?|becomes?|remains?|keeps?|turns?|shows?|gets?|belongs?|receives?|lies|stands?|asks?|tells?|says?|deserves?"
    r"|gives?|makes?|draws?|marks?|looks?|comes?|takes?|holds?|appears?|means?|leaves?|works?|it's|that's|there's)\b"
)


def mood_of(text: str, language: str = "en") -> str:
    """The mood of a template or an instruction, one of MOODS; the first sign in this order decides.

    polite: please, kindly, thanks, would you mind; chatty: hey, okay, let's, gonna; question: a question mark, or a
    first word that asks; wish: I or we at the start; imperative: a verb first; terse: no finite verb, as a caption;
    statement: everything else. Other languages than English are not told apart.
    """
    if language.split("-")[0] != "en":
        return "other language"
    plain = " ".join(re.sub(r"[{}]", "", text).replace("’", "'").lower().split())
    for mood, sign in (("polite", _POLITE), ("chatty", _CHATTY), ("question", _QUESTION), ("wish", _WISH)):
        if sign.search(plain):
            return mood
    if _starts_with_verb(text):
        return "imperative"
    return "statement" if _FINITE.search(plain) else "terse"


def _starts_with_verb(text: str) -> bool:
    """Whether a command opens the sentence, or follows its first comma ("In this photo, paint …")."""
    plain = text.lower()
    openings = (plain, _LEAD.sub("", plain, count=1), plain.partition(", ")[2])
    return any((words := re.findall(r"\{\w+\}|[a-z'-]+", part)) and words[0] in _VERBS for part in openings)
