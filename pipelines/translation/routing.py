"""Tasks that translation destroys, told by readable rules with a reason each.

A task about the surface of language is no task any more in another language: the sentence whose mistake was to be mended
comes out without one (tloen/alpaca-lora#180), rhymes and letters are gone, and words are other words. The rules
look at the instruction; the first that holds gives the reason. What becomes of it the configuration says
(`schemas/translation.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import regex

from schemas.translation import Route, RoutingConfig

# pieces of the patterns
_LANGUAGE = (
    "(?:English|French|Spanish|German|Italian|Portuguese|Dutch|Swedish|Norwegian|Danish|Finnish|Icelandic|Polish|Czech|"
    "Slovak|Hungarian|Romanian|Bulgarian|Serbian|Croatian|Greek|Turkish|Russian|Ukrainian|Arabic|Hebrew|Persian|Farsi|Urdu|"
    "Hindi|Bengali|Tamil|Telugu|Punjabi|Marathi|Gujarati|Sanskrit|Chinese|Mandarin|Cantonese|Japanese|Korean|Vietnamese|"
    "Thai|Indonesian|Malay|Tagalog|Filipino|Swahili|Zulu|Latin(?! America)|Esperanto|Irish|Gaelic|Welsh|Catalan|Basque|Hawaiian)"
)
_TEXT = (
    "(?:sentences?|phrases?|texts?|paragraphs?|passages?|statements?|clauses?|words?|titles?|e-?mails?|letters?|essays?|"
    "articles?|headlines?|following|below|pieces? of writing|lines?|messages?|tweets?|documents?|excerpts?|quotes?|strings?|input|this|it)"
)
_FEW = (
    "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|fifty|a hundred)"
)
_NUMBER = rf"(?:\d[\d,]*|{_FEW})"
_PART_OF_SPEECH = (
    "(?:(?:proper |common |abstract )?nouns?|pronouns?|(?:phrasal |main |auxiliary )?verbs?|adverbs?|adjectives?|prepositions?|"
    "conjunctions?|prepositional phrases?|interjections?|participles?|gerunds?|infinitives?|predicates?|direct objects?|indirect objects?|"
    "subordinate clauses?|independent clauses?|dependent clauses?|antecedents?|modifiers?|appositives?)"
)
_TENSE = "(?:past|present|future)(?: (?:perfect|continuous|progressive|simple|participle))*"
_NO_LANGUAGE_TASK = (
    r"\b(?:codes?|programs?|functions?|scripts?|quer(?:y|ies)|sql|html|css|python|java|javascript|algorithm|equations?|formulas?|"
    r"calculations?|circuits?|commands?|json|xml|argument|reasoning|logic|recipe|proof|data ?sets?)\b"
)


@dataclass(frozen=True)
class Rule:
    """A pattern of instructions and the reason it stands for; `unless` takes back what the pattern holds too much."""

    reason: str
    pattern: regex.Pattern[str]
    unless: regex.Pattern[str] | None

    def holds(self, instruction: str) -> bool:
        return self.pattern.search(instruction) is not None and not (
            self.unless is not None and self.unless.search(instruction)
        )


def _rule(reason: str, *patterns: str, unless: str = "") -> Rule:
    joined = "|".join(rf"(?:{pattern})" for pattern in patterns)
    flags = regex.IGNORECASE
    return Rule(reason, regex.compile(joined, flags), regex.compile(unless, flags) if unless else None)


RULES: tuple[Rule, ...] = (
    _rule(
        "translation",
        rf"\b(?:translat\w+|convert|render|rewrite|rephrase|express|put|change|turn)\b[^.?!]*\b(?:in|to|into|from) (?:the )?{_LANGUAGE}\b",
        rf"\b(?:in|to|into|from) {_LANGUAGE} (?:to|into) {_LANGUAGE}\b",
        rf"\b{_LANGUAGE} (?:translations?|equivalents?|version|words?|terms?|phrases?|expressions?|proverbs?|idioms?|sayings?|sentences?|slang)\b",
        rf"\b(?:mean|called|said|say|word for|phrase for|greet\w*|spell\w*)\b[^.?!]*\b(?:in|to) {_LANGUAGE}\b",
        rf"\b(?:write|compose|create|generate|respond|reply|answer|introduce|give|make|list|name)\b[^.?!]*\bin (?!English){_LANGUAGE}\b(?! (?:cuisine|culture|history|food|style|art|literature|mythology))",
        rf"\btranslat(?:e|ing|ion of) (?:the |this |these |following |given |each |a )*(?:{_LANGUAGE} )?(?:sentences?|phrases?|texts?|words?|paragraphs?|passages?|quotes?|poems?|statements?|expressions?)\b",
        rf"\btranslate\b.*\b(?:in|to|into|from) {_LANGUAGE}\b",
        r"\btranslate (?:it|this|the following)(?: (?:for me|please))?[.:]?$",
        unless=r"\b(?:plain|simple|basic) english\b|\btranslate\b[^.]*\b(?:chart|graph|table|code|program|equation)\b",
    ),
    _rule(
        "language",
        r"\b(?:which|what) language (?:is|are|does|was)\b(?! (?:spoken|used|most))|\b(?:identify|detect|determine|guess|name|recogni[sz]e|classify)\b[^.?!]*\b(?:the )?(?:original )?language (?:of|in which|used in|that) (?:the|this|a|these)\b(?! (?:country|people|law))",
        r"\bin English\b|\bEnglish (?:language|alphabet|grammar|spelling|idioms?|vocabulary|pronunciation|slang)\b|\bEnglish (?:so|is) (?:irregular|hard|difficult)",
        r"\bwhy is English\b|\b(?:American|British) English\b",
        unless=r"\b(?:official|figurative|programming|body|sign|literary|natural) language",
    ),
    _rule(
        "grammar",
        r"\b(?:proof-?read|spell-?check|punctuate)\b",
        rf"\b(?:correct|fix|repair|revise|edit|find|identify|spot|detect|locate|point out|check|mark|underline|highlight|remove|eliminate|rectify|list|improve|resolve|review|address|adjust|look for|clean up|rewrite|modify|analyze|examine|evaluate|make|ensure)\b[^.?!]*\b(?:gramm\w*|spell\w*|misspell\w*|punctuation|typos?|typographical|run-?ons?|commas?|apostrophes?|sentence fragments?|comma splices?|subject-verb)\b",
        rf"(?<!\b(?:an?|the|into) )\b(?:correct|fix|repair|rectify)\b (?:any |all |the |this |these |following |given |below |error[s]? in |mistakes? in |incorrect |wrong )*(?:sentences?|phrases?|paragraphs?|passages?|texts?|words?|writing)\b",
        rf"\b(?:find|identify|spot|correct|fix|detect|point out|are there|is there|locate|underline|highlight|check)\b[^.?!]*\b(?:errors?|mistakes?)\b[^.?!]*\b(?:sentences?|paragraphs?|texts?|passages?|phrases?|essays?|e-?mails?|letters?|writing)\b",
        rf"\b(?:sentences?|paragraphs?|texts?|passages?|phrases?|essays?|e-?mails?)\b[^.?!]*\b(?:for|with|has|have|contains?|without|and fix|and correct)\b[^.?!]*\b(?:errors|mistakes|typos)\b",
        r"\bgrammatical(?:ly)?\b|(?<!context-free )\bgrammar\b(?! school)|\bmisspel\w+|\bsyntax (?:errors?|mistakes?)\b[^.?!]*\bsentence",
        r"\b(?:insert|add|place|supply|missing|correct|proper|appropriate|put|use)\b[^.?!]*\b(?:punctuation|commas?|apostrophes?|periods?|quotation marks|semi-?colons?|colons?)\b",
        r"\bpunctuat(?:ion|ed)\b|\b(?:adding|include|including|using|with) (?:a |the )?commas?\b",
        r"\bsentences? (?:contains?|has|have) (?:an? |some )?(?:errors?|mistakes?)\b",
        unless=rf"{_NO_LANGUAGE_TASK}|\b(?:importance|important|why)\b[^.?!]*\bgrammar\b",
    ),
    _rule(
        "verse",
        r"\b(?:write|compose|create|generate|craft|produce|make|give|tell|come up with|construct|continue|complete|finish|turn|design|provide|develop|form|rewrite|convert|transform|invent|add|recite|pen|draft|build|add to|extend)\b[^.?!]*\b(?:poems?|poetry|haikus?|limericks?|sonnets?|ballads?|couplets?|quatrains?|odes?|acrostics?|verses?|stanzas?|rhym\w+|raps?|jingles?|lullab\w+|lyrics?|nursery rhymes?|elegy|cinquains?|villanelles?|free verse|tanka)\b",
        r"\b(?:write|compose|create|generate|come up with|make)\b (?:me )?(?:a |an |the |short |original |new |simple |catchy |\w+ )*songs?\b(?! (?:title|name|list|recommend))",
        r"\b(?:rhyme scheme|rhymes? with|that rhymes?|rhyming)\b|^(?:a )?(?:haiku|limerick|sonnet|poem)\b",
        unless=r"\b(?:analy[sz]e|interpret|difference between|song titles?|playlist|essay|review of|program|function)\b|\brhymes? with\b|\brhyming words?\b",
    ),
    _rule(
        "wordplay",
        r"\b(?:puns?|punny|tongue[- ]twisters?|portmanteaus?|wordplay|word play|play on words|plays on the word|double entendres?|new words? by combining|spoonerisms?|knock[- ]knock|dad jokes?)\b",
    ),
    _rule(
        "letters",
        r"\b(?:palindrom\w*|anagrams?|alliterat\w*|lipograms?|pangrams?|acronyms?|abbreviation|syllables?|vowels?|consonants?|homographs?|crossword|hangman|word search|scrabble)\b",
        r"\b(?:letters?|characters?) (?:are |is )?(?:in|of|from) (?:the |this |each |these |following |given )*(?:words?|names?|phrases?|sentences?|strings?|texts?|alphabet)\b|\bhow many letters\b|\b(?:number|count) of letters\b",
        r"\b(?:start|begin|end|starting|beginning|ending|starts|begins|ends)s? (?:with|in) (?:the |a |an )?(?:same )?(?:letters? |suffix |prefix |sound )?(?:['\"“‘]-?[a-z]{1,3}['\"”’]|-[a-z]{1,5}\b|letters?\b|vowel|consonant)",
        r"\b(?:beginning|starts?|starting|begins?) with (?:the )?(?:letter )?[\"'“‘]?(?-i:[B-HJ-Z])[\"'”’]?(?=[.?!,\s]|$)",
        r"\bletters? ['\"“‘]?[a-z]['\"”’]?(?:[.?!,\s]|$)|\b(?:contain|contains|containing|has|with|have) (?:the |a |an )?(?:double |silent )?letters?\b|\bdouble [a-z]\b",
        r"\b(?:spell|spelled|spelling)\b[^.?!]*\b(?:backwards?|word|out|correctly|name)\b|\bspelled\b|\bunscramble (?:the |these |this |following |given )*(?:letters|word)\b|\bscrambled\b|\bjumbled (?:letters|word)\b",
        r"\b(?:rearrange|rearranging|reorder|scramble|shuffle|mix) (?:the |these )?letters\b|\breverse (?:the |this |each |following |given )*(?:word|letters|string|text|sentence|phrase)|\b(?:morse code|pig latin|caesar cipher)\b",
        unless=r"\b(?:program|function|code|script|algorithm|python|java|javascript|method|query|regular expression|regex|cover letters?|letter of|letter to|newsletters?|love letters?|fairy tale|spelling bee|html|css|sql)\b",
    ),
    _rule(
        "letter_case",
        r"\b(?:upper ?-?case|lower ?-?case|title case|sentence case|camel ?case|snake case|capital letters?|small letters|all caps|capitali[sz](?:e|ed|ing|ation))\b(?! on\b)",
        unless=r"\b(?:program|function|code|script|algorithm|python|java|javascript|method|strategy|capitalized? on|market capitali[sz]ation|regular expression|regex|passwords?)\b",
    ),
    _rule(
        "alphabetical",
        r"\balphabeti[sz]?\w*|\b(?:from )?A (?:to|-) Z\b|\blexicographic\w*",
        unless=r"\b(?:program|function|code|script|algorithm|python|java|javascript|method|index|invented|query|sql)\b",
    ),
    _rule(
        "word_limit",
        rf"\b(?:fewer|less|more|no more|no less|shorter|longer|under|over|within|up to|around|about|approximately|roughly|maximum(?: of)?|minimum(?: of)?|max|min|at most|at least|exceed\w*|limit\w*|approx\.?|not more|nearly|almost) (?:than |of |to |a |the |in |with |it |is )*{_NUMBER}(?:\s?(?:-|to|and|–)\s?{_NUMBER})?[- ](?:words?|(?<=\d[- ])characters?)\b",
        rf"\bbetween {_NUMBER} (?:and|to) {_NUMBER} words\b",
        rf"\b{_NUMBER}(?:\s?(?:-|to|–)\s?{_NUMBER})?[- ](?:words?|(?<=\d[- ])characters?) (?:or (?:less|fewer|more|so)|max\w*|min\w*|limit|at most|at least|or under|long max)\b",
        r"\bword (?:limit|count)\b|\bcharacter limit\b",
        rf"\b(?:[5-9]\d|\d{{3,}}|fifty|a hundred|\d,\d{{3}})[- ](?:words?|characters?)\b",
        unless=r"\b(?:program|function|code|script|count the|how many|passwords?)\b|\bexactly\b",
    ),
    _rule(
        "word_count",
        rf"\b(?<!\b(?:given|these|following|between|between the|those|the|list of) ){_NUMBER}[- ](?:words?|letters?)\b",
        r"\b\d+ characters\b|\b\d+-character\b",
        r"\b(?:count|number of|how many|total)\b[^.?!]*\b(?:words|characters|sentences|times)\b[^.?!]*\b(?:in|does|is|are|has|used|appears?|of|contains?|occurs?)\b",
        r"\b(?:single|one)[- ]words?\b|\bsame number of words\b|\b(?:longest|shortest|most (?:frequent|common|used)|least (?:frequent|common)|repeated) words?\b|\bword frequenc\w+",
        rf"\bwords? ['\"“‘][^'\"”’]+['\"”’] {_FEW} times\b|\b(?:use|using) the (?:word|phrase)\b[^.?!]*\btimes\b",
        unless=r"\b(?:program|function|code|script|algorithm|python|java|javascript|in other words|characters?(?: are| is)? in the (?:play|book|novel|movie|film|story|show)|(?:one|two|three|four|five|\d+) (?:main |fictional |new |different )?characters (?:from|for|who)|passwords?|sql|query|(?:yes|no|true|false)\b.*\bone[- ]word)\b",
    ),
    _rule(
        "word_order",
        r"\b(?:unscramble|rearrange|reorder|reorgani[sz]e|put|arrange|order|organi[sz]e|sequence)\b (?:\w+ ){0,4}?(?:words?|phrases?|sentences?|word order|parts of the sentence)\b",
        rf"\b(?:join|combine|merge|connect|link|fuse|blend)\b (?:\w+ ){{0,5}}?(?:sentences|clauses|phrases|words|statements)\b",
        r"\b(?:split|divide|break)\b (?:\w+ ){0,4}?(?:sentences?) (?:\w+ ){0,2}?into\b",
        r"\b(?:form|make|create|construct|build|write) (?:\w+ ){0,4}?sentences? (?:\w+ ){0,2}?(?:from|out of|with|using) (?:\w+ ){0,3}?words\b",
        r"\bjumbled (?:sentence|words)\b|\bcombined? into (?:one|a single) sentence\b",
        unless=r"\b(?:program|function|code|script|alphabet\w*|events|chronolog\w+)\b",
    ),
    _rule(
        "vocabulary",
        r"\b(?:synonym\w*|antonym\w*|homophones?|homonyms?|hypernyms?|hyponyms?|thesaurus|etymolog\w+|rhymes? with|rhyming words?)\b",
        r"\b(?:word|words|term|phrase)s?\b[^.?!]*\b(?:opposite|similar|same|closest)\b[^.?!]*\b(?:meaning|to|of)\b|\bopposite (?:word|of the word|meaning|of ['\"“‘])|\bword (?:that )?means\b",
        r"\b(?:use|using|uses|include|including|containing|contains|with)\b (?:\w+ )?(?:the |this |these |a |following |given )*(?:words?|phrase)\b[^.?!]*\b(?:in|to (?:make|form|create|write)) (?:a |one |your |complete |\w+ )*sentences?\b",
        r"\b(?:sentence|sentences)\b (?:\w+ ){0,3}?(?:using|with|that (?:uses?|includes?|contains?)|containing|including) (?:the |this |these |following |given |each |both |all )*(?:words?|phrases?|idioms?)\b",
        r"\bdifference between (?:the words )?['\"“‘]\w+['\"”’] and ['\"“‘]\w+['\"”’]|\b(?:replace|substitute|swap|change)\b[^.?!]*\b(?:the |an? |each |underlined |given |following |bold\w* |italic\w* )*words?\b[^.?!]*\b(?:with|for|by|to)\b|\b(?:another|different|better|alternative|stronger|more \w+) words? for\b|\bword (?:choice|analogy)\b|\bfill in the blanks?\b[^.?!]*\bwords?\b|\bodd (?:word|one) out\b",
        unless=r"\b(?:program|function|code|script|python|java|javascript|in other words|in (?:your )?own words)\b",
    ),
    _rule(
        "morphology",
        rf"\b(?:passive|active)(?:[- ]voice| sentences?| form| construction)\b|\b(?:in|to|into) (?:the )?(?:passive|active)\b|\b{_TENSE}[- ]tenses?\b|\bpast participle\b|\b(?:verb|simple|perfect|continuous|correct|right|grammatical|different|what|which|same) tenses?\b|\btense of\b|\b(?:change|rewrite|convert|put|switch)\b[^.?!]*\b(?:in|to|into|from) (?:the )?(?:past|present|future)\b",
        rf"\b(?:identify|find|list|underline|name|pick|extract|highlight|circle|classify|label|tag|mark|select|categori[sz]e|determine|replace|change|add|remove|insert|use|fill|choose|provide|locate|count|supply|give|what|which|how many|generate|suggest|write|create|rewrite|modify|turn|come up with|describe|sort|make)\b[^.?!]*\b{_PART_OF_SPEECH}\b",
        r"\bparts? of speech\b|\bpos tag\w*|\b(?:plural|singular)\b|\b(?:comparative|superlative)(?: form| degree|s\b)|\b(?:reported|direct|indirect) speech\b|\bconjugat\w+",
        r"\b(?:first|second|third)[- ]person\b(?! (?:on|to|who|in|ever|shooter))|\b(?:prefix|suffix)(?:es)?\b|\broot words?\b|\bcontractions?\b|\bpossessive\b|\b(?:definite|indefinite|right|correct|missing|appropriate) articles?\b|\barticles?: a\b",
        r"\bsemi-?colons?\b|\b(?:make|turn|change|convert|rewrite|transform)\b[^.?!]*\b(?:sentence|statement|question)s?\b[^.?!]*\b(?:negative|interrogative|affirmative|imperative|declarative|exclamatory|(?:yes/no )?question)\b",
        r"\b(?:identify|find|what is|what's|name|underline|determine)\b[^.?!]*\b(?:the )?(?:subject|object)s?\b (?:and (?:the )?\w+ )?(?:of|in) (?:the |this |following |given )*(?:sentences?|clauses?)\b|\bsubject and (?:the )?(?:predicate|verb|object)\b|\bpronouns?\b|\bcompound sentence|\bcomplex sentence|\bsentence (?:structure|type|pattern)\b|\btype of sentence\b|\bsimple sentence|\bword (?:type|form)\b",
        r"\bgender[- ]neutral\b|\bfrom (?:first|second|third) person\b|\bunderlined\b[^.?!]*\bword\b",
        unless=r"\b(?:program|function|code|script|algorithm|python|java|javascript|contract|muscle)\b|\b(?:singular focus|clothing|news|blog)\b"
        r"|^(?!.*\b(?:sentence|text|passage|paragraph|phrase)).*(?:\badjectives?\b.*\bdescrib|\bdescrib.*\badjectives?\b)",
    ),
)  # fmt: skip
_LETTER = regex.compile(r"\p{L}")
_FOREIGN = regex.compile(r"[\p{L}--\p{Latin}\p{Greek}]", regex.V1)  # Greek letters are in formulas
_FOREIGN_SHARE = 0.2


@dataclass(frozen=True)
class Routed:
    """What becomes of a record, and why (`None`: an ordinary task)."""

    route: Route
    reason: str | None


def route(fields: Mapping[str, str], config: RoutingConfig) -> Routed:
    """The route of a record with `instruction`, `input` and `output`.

    Without an input there is nothing in English that a translated instruction could be about, so `instruction_only` is
    `keep_english` then.
    """
    reason = route_reason(fields)
    chosen = config.route(reason)
    if chosen == "instruction_only" and not fields["input"].strip():
        chosen = "keep_english"
    return Routed(chosen, reason)


def route_reason(fields: Mapping[str, str]) -> str | None:
    """The reason of the first rule that holds for a record, or `None`."""
    for rule in RULES:
        if rule.holds(fields["instruction"]):
            return rule.reason
    for text in fields.values():
        letters = len(_LETTER.findall(text)) if not text.isascii() else 0
        if letters and len(_FOREIGN.findall(text)) > _FOREIGN_SHARE * letters:
            return "foreign_text"
    return None
