r"""The rules of routing: what instructions look like whose task is about the surface of language.

A pattern is a regular expression without regard to case, in which `<name>` stands for a group of `WORDS` and `…` for
anything within the sentence; it begins and ends at the edge of a word. The first rule that holds gives the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

WORDS = {
    # things that are written
    "text": "sentences?|phrases?|texts?|paragraphs?|passages?|essays?|e-?mails?|letters?|writing",
    "words": "words?|phrases?|idioms?",
    "given": "(?:the |this |these |each |following |given |below |any |all |a |an )*",
    "few words": r"(?:\w+ ){0,5}?",
    "number": r"(?:\d[\d,]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|fifty|a hundred)",
    "quote": "['\"“”‘’]",
    # what is asked
    "write": "write|compose|create|generate|craft|produce|make|give|tell|come up with|construct|continue|complete|finish|turn|"
    "design|provide|develop|form|rewrite|convert|transform|invent|recite|pen|draft|build|add|extend",
    "mend": "correct|fix|repair|revise|edit|remove|eliminate|rectify|improve|resolve|address|adjust|clean up|rewrite|modify|"
    "make|ensure",
    "find": "find|identify|spot|detect|locate|point out|check|mark|underline|highlight|list|review|look for|analy[sz]e|examine|"
    "evaluate|are there|is there",
    "pick": "identify|find|list|underline|name|pick|extract|highlight|circle|classify|label|tag|mark|select|categori[sz]e|"
    "determine|replace|change|add|remove|insert|use|fill|choose|provide|locate|count|supply|give|what|which|how many|"
    "generate|suggest|write|create|rewrite|modify|turn|come up with|describe|sort|make",
    "change": "make|turn|change|convert|rewrite|transform|put|switch|express|rephrase|render",
    "order": "unscramble|rearrange|re-?order|reorgani[sz]e|put|arrange|order|organi[sz]e|sequence",
    "join": "join|combine|merge|connect|link|fuse|blend",
    # what it is about
    "language": "English|French|Spanish|German|Italian|Portuguese|Dutch|Swedish|Norwegian|Danish|Finnish|Icelandic|Polish|"
    "Czech|Slovak|Hungarian|Romanian|Bulgarian|Serbian|Croatian|Greek|Turkish|Russian|Ukrainian|Arabic|Hebrew|Persian|"
    "Farsi|Urdu|Hindi|Bengali|Tamil|Telugu|Punjabi|Marathi|Gujarati|Sanskrit|Chinese|Mandarin|Cantonese|Japanese|Korean|"
    "Vietnamese|Thai|Indonesian|Malay|Tagalog|Filipino|Swahili|Zulu|Latin(?! America)|Esperanto|Irish|Gaelic|Welsh|"
    "Catalan|Basque|Hawaiian",
    "fault": r"gramm\w*|spell\w*|misspell\w*|punctuation|typos?|typographical|run-?ons?|commas?|apostrophes?|"
    "sentence fragments?|comma splices?|subject-verb",
    "mark": "punctuation|commas?|apostrophes?|periods?|quotation marks|semi-?colons?|colons?",
    "poem": "poems?|poetry|haikus?|limericks?|sonnets?|ballads?|couplets?|quatrains?|odes?|acrostics?|verses?|stanzas?|"
    r"rhym\w+|raps?|jingles?|lullab\w+|lyrics?|elegy|cinquains?|villanelles?|tanka",
    "part of speech": "nouns?|pronouns?|verbs?|adverbs?|adjectives?|prepositions?|prepositional phrases?|conjunctions?|"
    "interjections?|participles?|gerunds?|infinitives?|predicates?|(?:in)?direct objects?|"
    "(?:sub|in|de)[a-z]+ clauses?|antecedents?|modifiers?|appositives?",
    "tense": "(?:past|present|future)(?: (?:perfect|continuous|progressive|simple|participle))*",
    "word class": "nouns?|pronouns?|verbs?|adverbs?|prepositions?|conjunctions?|gerunds?|participles?",
    "limit": "fewer|less|more|shorter|longer|under|over|within|up to|around|about|approximately|roughly|"
    r"max(?:imum)?|min(?:imum)?|at most|at least|exceed\w*|limit\w*|approx\.?|nearly|almost",
    # what takes a task back: code has letters, cases and syntax of its own
    "code": "codes?|programs?|functions?|scripts?|algorithms?|python|java|javascript|sql|quer(?:y|ies)|html|css|regex|"
    "regular expression",
    "logic": "equations?|formulas?|calculations?|circuits?|commands?|json|xml|argument|reasoning|logic|recipe|proof|data ?sets?",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What instructions of a reason look like; `unless` takes back what the patterns hold too much."""

    reason: str
    pattern: regex.Pattern[str]
    unless: regex.Pattern[str] | None

    def holds(self, instruction: str) -> bool:
        if self.pattern.search(instruction) is None:
            return False
        return self.unless is None or self.unless.search(instruction) is None


def _compiled(patterns: tuple[str, ...]) -> regex.Pattern[str]:
    joined = "|".join(patterns).replace(" … ", r"\b[^.?!]*\b")
    for name, words in WORDS.items():
        joined = joined.replace(f"<{name}>", f"(?:{words})")
    return regex.compile(rf"(?<!\w)(?:{joined})(?!\w)", regex.IGNORECASE)


def _rule(reason: str, *patterns: str, unless: tuple[str, ...] = ()) -> Rule:
    return Rule(reason, _compiled(patterns), _compiled(unless) if unless else None)


RULES: tuple[Rule, ...] = (
    _rule(
        "translation",
        r"(?:translat\w+|<change>) … (?:in|to|into|from) (?:the )?<language>",
        r"(?:in|to|into|from) <language> (?:to|into) <language>",
        r"<language> (?:translations?|equivalents?|version|words?|terms?|phrases?|expressions?|proverbs?|idioms?|sayings?)",
        r"<language> (?:sentences?|slang)",
        r"(?:mean|called|said|say|word for|phrase for|greet\w*|spell\w*) … (?:in|to) <language>",
        r"(?:<write>|respond|reply|answer|introduce|list|name) … in (?!English)<language>"
        r"(?! (?:cuisine|culture|history|food|style|art|literature|mythology))",
        r"translat(?:e|ing|ion of) <given>(?:<language> )?(?:<text>|<words>|quotes?|poems?|statements?|expressions?)",
        r"translate\b.*\b(?:in|to|into|from) <language>",
        r"translate (?:it|this|the following)(?: for me| please)?[.:]?$",
        unless=(r"(?:plain|simple|basic) english", r"translate <few words>(?:chart|graph|table|code|program|equation)"),
    ),
    _rule("translation", r"(?:words?|phrases?|terms?) in (?!English)<language>"),
    _rule(
        "language",
        r"(?:which|what) language (?:is|are|does|was)(?! (?:spoken|used|most))",
        r"(?:<find>|determine|guess|name|recogni[sz]e|classify) … language (?:of|in which|used in|that) (?:the|this|a|these)"
        r"(?! (?:country|people|law))",
        r"in English|why is English|(?:American|British) English",
        r"English (?:language|alphabet|grammar|spelling|idioms?|vocabulary|pronunciation|slang)",
        unless=(r"(?:official|figurative|programming|body|sign|literary|natural) languages?",),
    ),
    _rule(
        "grammar",
        r"proof-?read|spell-?check|punctuate[ds]?|punctuation|grammatical(?:ly)?|misspel\w+",
        r"(?<!context-free )grammar(?! school)",
        r"(?:<mend>|<find>) … (?:<fault>)",
        # "correct the sentence", but not "into a correct sentence"
        r"(?<!\b(?:an?|the|into) )(?:correct|fix|repair|rectify) <given>(?:errors? in |mistakes? in |incorrect |wrong )*"
        r"<given>(?:sentences?|phrases?|paragraphs?|passages?|texts?|words?|writing)",
        r"(?:<find>|correct|fix) … (?:errors?|mistakes?) … (?:<text>)",
        r"(?:sentences?|paragraphs?|texts?|passages?|phrases?|essays?|e-?mails?) … (?:for|with|has|have|contains?|without) … "
        r"(?:errors|mistakes|typos)",
        r"sentences? (?:contains?|has|have) (?:an? |some )?(?:errors?|mistakes?)",
        r"(?:sentence|paragraph|text|passage)s? … (?:correct|fix) … (?:errors?|mistakes?)",
        r"(?:insert|add|place|supply|missing|correct|proper|appropriate|put|use|adding) … (?:<mark>)",
        r"(?:include|including|using|with) (?:a |the )?commas?",
        unless=(r"<code>|<logic>", r"(?:importance|important|why) … grammar"),
    ),
    _rule(
        "grammar",
        r"comma splices?|punctuations|spell(?:ing)?[- ]?check\w*|mis-spell\w*|phonetic spelling|(?:wrong|on|their) spelling",
        unless=(r"<code>",),
    ),
    _rule(
        "verse",
        r"(?:<write>) … (?:<poem>)",
        r"(?:write|compose|create|generate|come up with|make) (?:me )?(?:\w+ )*songs?(?! (?:title|name|list|recommend))",
        r"rhyme scheme|that rhymes?|rhyming|^(?:a )?(?:haiku|limerick|sonnet|poem)",
        unless=(
            r"analy[sz]e|interpret|difference between|song titles?|playlist|essay|review of|program|function",
            r"rhymes? with|rhyming words?",
        ),
    ),
    _rule(
        "verse",
        r"rhym(?:e|ing) (?:schemes?|patterns?|and)|(?:of|adding) rhyme|poem\w* … rhyme",
        r"(?:structure|met(?:er|re)) of (?:this|the) <few words>poem",
        r"(?:composite|develop|restructure|rearrange) <given>(?:poem|limerick|sonnet|haiku|lyrics?|song)",
        unless=(r"<code>",),
    ),
    _rule(
        "wordplay",
        r"puns?|punny|tongue[- ]twisters?|portmanteaus?|word ?play|plays? on (?:the )?words?|double entendres?|spoonerisms?",
        r"knock[- ]knock|dad jokes?|new words? by combining",
    ),
    _rule(
        "letters",
        r"palindrom\w*|anagrams?|alliterat\w*|lipograms?|pangrams?|acronyms?|abbreviation|syllables?|vowels?|consonants?",
        r"homographs?|crossword|hangman|word search|scrabble|morse code|pig latin|caesar cipher",
        r"(?:letters?|characters?) (?:are |is )?(?:in|of|from) <given>(?:words?|names?|phrases?|sentences?|strings?|texts?|alphabet)",
        r"how many letters|(?:number|count) of letters|(?:contain\w*|has|with|have) (?:the |a |an )?(?:double |silent )?letters?",
        # "ends in -ing", "starts with 'un'", "starting with the letter b", "begins with T"
        r"(?:start|begin|end)(?:s|ing|ning)? (?:with|in) (?:the |a |an )?(?:same )?(?:letters? |suffix |prefix |sound )?"
        r"(?:<quote>-?[a-z]{1,3}<quote>|-[a-z]{1,5}|letters?|vowel|consonant|(?-i:[B-HJ-Z]))",
        r"letters? <quote>?[a-z]|double [a-z]",
        r"spell(?:ed|ing)? … (?:backwards?|word|out|correctly|name)|spelled",
        r"(?:un)?scrambled? (?:letters|word)|scrambled|jumbled (?:letters|word)|unscramble <given>(?:letters|word)",
        r"(?:rearrang(?:e|ing)|reorder|scramble|shuffle|mix) (?:the |these )?letters",
        r"reverse <given>(?:word|letters|string|text|sentence|phrase)s?",
        unless=(
            r"<code>",
            r"(?:cover|love) letters?|newsletters?|letter (?:of|to)|fairy tale|spelling bee",
        ),
    ),
    _rule(
        "letters",
        r"(?:first|second|third|fourth|fifth|last|middle|\d+(?:st|nd|rd|th)) letters?(?= of| in|[.?,:]|$)",
        r"letters? at|fewer letters|acrostics?|(?:all|these|list of|the following|the given) letters",
        r"(?:letters?|words?) of the alphabet|(?:say|recite|write(?: out)?) the alphabet",
        unless=(r"<code>", r"passwords?|usernames?|permutations?|capital\w*|(?:cover|love) letters|letters (?:of|to|from|by)"),
    ),
    _rule(
        "letter_case",
        r"(?:upper|lower|title|sentence|camel|snake)[ -]?case|capital letters?|small letters|all caps",
        r"capitali[sz](?:e|ed|ing|ation)(?! on\b)",
        unless=(r"<code>", r"strategy|market capitali[sz]ation|passwords?"),
    ),
    _rule(
        "alphabetical",
        r"alphabeti[sz]?\w*|by (?:the )?alphabet|(?:from )?A (?:to|-) Z|lexicographic\w*",
        unless=(r"<code>", r"index|invented"),
    ),
    _rule(
        "word_limit",
        r"(?:<limit>) (?:than |of |to |a |the |in |with |it |is )*<number>(?:\s?(?:-|to|and|–)\s?<number>)?[- ]"
        r"(?:words?|(?<=\d[- ])characters?)",
        r"between <number> (?:and|to) <number> words",
        r"<number>(?:\s?(?:-|to|–)\s?<number>)?[- ](?:words?|(?<=\d[- ])characters?) "
        r"(?:or (?:less|fewer|more|so|under)|max\w*|min\w*|limit|at most|at least|long max)",
        r"(?:word|character) (?:limit|count)",
        r"(?:[5-9]\d|\d{3,}|fifty|a hundred|\d,\d{3})[- ](?:words?|characters?)",
        unless=(r"program|function|code|script|count the|how many|passwords?|exactly",),
    ),
    _rule(
        "word_count",
        r"(?<!\b(?:given|these|following|between|between the|those|the|list of) )<number>[- ](?:words?|letters?)",
        r"\d+ characters|\d+-character|(?:single|one)[- ]words?|same number of words",
        r"(?:count|number of|how many|total) … (?:words|characters|sentences|times) … "
        r"(?:in|does|is|are|has|used|appears?|of|contains?|occurs?)",
        r"(?:longest|shortest|(?:most|least) (?:frequent|common|used)|repeated) words?|word frequenc\w+",
        r"words? <quote>[^'\"”’]+<quote> <number> times|(?:use|using) the (?:word|phrase) … times",
        unless=(
            r"<code>",
            r"in other words|characters?(?: are| is)? in the (?:play|book|novel|movie|film|story|show)",
            r"(?:<number>) (?:main |fictional |new |different )?characters (?:from|for|who)|passwords?",
            r"(?:yes|no|true|false) … one[- ]word",
        ),
    ),
    _rule(
        "word_order",
        r"(?:<order>) (?:\w+ ){0,4}?(?:words?|phrases?|sentences?|word order)",
        r"(?:<join>) <few words>(?:sentences|clauses|phrases|words|statements)|combined? into (?:one|a single) sentence",
        r"(?:split|divide|break) (?:\w+ ){0,4}?sentences? (?:\w+ ){0,2}?into",
        r"(?:form|make|create|construct|build|write) (?:\w+ ){0,4}?sentences? (?:\w+ ){0,2}?(?:from|out of|with|using) "
        r"(?:\w+ ){0,3}?words",
        r"jumbled (?:sentence|words)|word[- ]order",
        r"(?:<order>) … to (?:form|make|create) (?:a |an )?(?:\w+ )?sentences?",
        unless=(r"program|function|code|script|alphabet\w*|events|chronolog\w+",),
    ),
    _rule(
        "vocabulary",
        r"synonym\w*|antonym\w*|homophones?|homonyms?|hypernyms?|hyponyms?|thesaurus|etymolog\w+|rhymes? with|rhyming words?",
        r"(?:words?|terms?|phrases?) … (?:opposite|similar|same|closest) … (?:meaning|to|of)",
        r"opposite (?:word|of the word|meaning|of <quote>\w+)|word (?:that )?means|odd (?:word|one) out|word (?:choice|analogy)",
        r"(?:us(?:e|es|ing)|includ(?:e|ing)|contain(?:s|ing)|with) (?:\w+ )?<given>(?:words?|phrase) … "
        r"(?:in|to (?:make|form|create|write)) (?:\w+ )*sentences?",
        r"sentences? (?:\w+ ){0,3}?(?:using|with|that (?:uses?|includes?|contains?)|containing|including) <given>(?:both )?<words>",
        r"difference between (?:the words )?<quote>\w+<quote> and <quote>\w+<quote>",
        r"(?:replace|substitute|swap|change) … <given>words? … (?:with|for|by|to)",
        r"(?:another|different|better|alternative|stronger|more \w+) words? for|fill in the blanks? … words?",
        unless=(r"program|function|code|script|python|java|javascript", r"in (?:your )?(?:other|own) words"),
    ),
    # what an idiom says is not what its words say
    _rule("vocabulary", r"idioms?|idiomatic|rhyme <given>words?", unless=(r"<code>",)),
    _rule(
        "morphology",
        r"(?:passive|active)(?:[- ]voice| sentences?| form| construction)|(?:in|to|into) (?:the )?(?:passive|active)",
        r"<tense>[- ]tenses?|past participle|tense of",
        r"(?:verb|simple|perfect|continuous|correct|right|grammatical|different|what|which|same) tenses?",
        r"(?:<change>) … (?:in|to|into|from) (?:the )?(?:past|present|future)",
        r"(?:<pick>) … (?:<part of speech>)",
        r"parts? of speech|pos tag\w*|plural|singular|(?:comparative|superlative)(?: form| degree|s)|conjugat\w+",
        r"(?:reported|direct|indirect) speech|(?:first|second|third)[- ]person(?! (?:on|to|who|in|ever|shooter))",
        r"(?:prefix|suffix)(?:es)?|root words?|contractions?|possessive|pronouns?|semi-?colons?|gender[- ]neutral",
        r"(?:definite|indefinite|right|correct|missing|appropriate) articles?|articles?: a",
        r"(?:<change>) … (?:sentence|statement|question)s? … "
        r"(?:negative|interrogative|affirmative|imperative|declarative|exclamatory|(?:yes/no )?question)",
        r"(?:identify|find|what is|what's|name|underline|determine) … (?:subject|object)s? (?:and (?:the )?\w+ )?(?:of|in) "
        r"<given>(?:sentences?|clauses?)|subject and (?:the )?(?:predicate|verb|object)",
        r"(?:compound|complex|simple) sentences?|sentence (?:structure|type|pattern)s?|type of sentence|word (?:type|form)s?",
        r"underlined … word",
        unless=(
            r"<code>",
            r"contract|muscle|singular focus|clothing|news|blog",
            # words that describe a thing are words in any language
            r"^(?!.*\b(?:sentence|text|passage|paragraph|phrase)).*(?:adjectives? … describ\w*|describ\w* … adjectives?)",
        ),
    ),
    _rule(
        "morphology",
        r"(?:passive|active) voice|sentences? … (?:passive or active|active or passive)",
        r"(?:the|its|their|one|another|verb|which|what|by|of) tenses?(?! (?:situation|moment|scene|atmosphere|mood|relation)\w*)",
        r"(?:present|past|future) (?:perfect|continuous|progressive|simple)",
        r"(?:<word class>|adjectives?),?(?: and| or)? (?:\w+ ){0,2}?(?:<word class>|adjectives?)(?=[,.;)]| in | from |$)",
        r"(?:delete|separate|group|divide|convert|retrieve|enter|match|morph|transform|form|using|uses|contains?|adding|with) "
        r"(?:\w+ ){0,4}?(?:<word class>)",
        r"(?:comparative|superlative|compound|collective|proper) (?:<word class>|adjectives?)|forms? of the verb",
        r"(?:relative|dependent|subordinate|main|independent|noun|adverb|adjective|type of) clauses?",
        unless=(r"<code>", r"describ\w*", r"contracts?|legal"),
    ),
)  # fmt: skip
