"""The public corpora we know: their licence, whom to cite, and where their files lie.

`CORPORA` is the table. A corpus that its publishers let anyone download has `files`, which `jobs/fetch.py`
follows; the others are here for their licence, which every row of them carries to the published shard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipelines.errors import UserError
from schemas.languages import Language

UNKNOWN = "unknown"
"""The licence of a corpus that the table does not know."""

ARCHIVES = "archives"
"""Folder of downloaded archives, apart from what is unpacked from them."""


@dataclass(frozen=True)
class RemoteFile:
    """One file to download."""

    url: str
    filename: str
    """Where it lands: a path relative to the download folder."""
    sha256: str | None = None
    """Checksum in hexadecimal, where the publisher's bytes are known never to change."""
    members: tuple[str, ...] = ()
    """Globs over an archive's member names; empty for a file that is used as it is."""
    folder: str = ""
    """Where the members are unpacked, relative to the download folder."""

    @property
    def shown_url(self) -> str:
        """The URL as it may be written down: without the user and password that a mirror's may hold."""
        return re.sub(r"//[^/@]*@", "//", self.url)


@dataclass(frozen=True)
class Offer:
    """What a corpus has for a set of languages."""

    files: tuple[RemoteFile, ...]
    missing: tuple[str, ...] = ()
    """One sentence for each thing asked for that the corpus does not have."""


@dataclass(frozen=True)
class Corpus:
    """One public corpus."""

    name: str
    license: str
    """SPDX identifier, or a short stable `LicenseRef-...` where SPDX has none."""
    citation: str
    """BibTeX."""
    homepage: str
    mined: bool = False
    """Whether its sentence pairs were found by a model rather than written as translations."""
    aliases: tuple[str, ...] = ()
    base_url: str = ""
    """What the URLs of all its files begin with; a mirror replaces it."""
    files: Callable[[str, Mapping[str, Language]], Offer] | None = None
    """(base URL, languages by ISO 639-1 code) -> files; None for a corpus that users bring themselves."""

    def offer(self, languages: Mapping[str, Language], mirror: str | None = None) -> Offer:
        """The files of this corpus for English and the `languages` paired with it, from `mirror` if given.

        Raises `UserError` for a corpus that cannot be fetched.
        """
        if self.files is None:
            raise UserError(
                f"fetch.corpora: {self.name} cannot be fetched; download its files from {self.homepage} "
                "and put them into the input folder."
            )
        return self.files((mirror or self.base_url).rstrip("/"), languages)


def _pairs(languages: Mapping[str, Language]) -> list[tuple[str, str]]:
    """(other language, pair as the publishers name it: the two codes in alphabetical order)."""
    return [(code, "-".join(sorted(("en", code)))) for code in languages if code != "en"]


def _wikimatrix(base: str, languages: Mapping[str, Language]) -> Offer:
    names = [f"WikiMatrix.{pair}.tsv.gz" for _, pair in _pairs(languages)]
    return Offer(tuple(RemoteFile(f"{base}/{name}", name) for name in names))


# statmt.org's v18 folder: every pair of these languages with English, and no others
_NEWS_COMMENTARY = {"ar", "cs", "de", "es", "fr", "hi", "id", "it", "ja", "kk", "nl", "pt", "ru", "zh"}


def _news_commentary(base: str, languages: Mapping[str, Language]) -> Offer:
    files, missing = [], []
    for code, pair in _pairs(languages):
        name = f"news-commentary-v18.{pair}.tsv.gz"
        if code in _NEWS_COMMENTARY:
            files.append(RemoteFile(f"{base}/{name}", name))
        else:
            missing.append(f"News-Commentary has no {pair}.")
    return Offer(tuple(files), tuple(missing))


def _alpaca(base: str, languages: Mapping[str, Language]) -> Offer:
    sha256 = "2eddafc6b977608d778aaab8dfc7e50e547b3af9826dfb9e909d9fc362e4a419"
    return Offer((RemoteFile(f"{base}/alpaca_data.json", "alpaca/alpaca_data.json", sha256),))


_XQUAD = {
    "ar": "abdabd7afed5c635d99cca0f3f0d0c9d9ed0bc77451e963c2e4e0638c29e486d",
    "de": "990b5d746746ed65ed4702ea5f35f99ffa4e2f1c390c07d003642acd937916f9",
    "el": "821cf0f88e73fa258fd2f548b19b6ec39f7025059e16f6f9fc8cd797c9c3663e",
    "en": "e4c57d1c9143aaa1c5d265ba5987a65f4e69528d2a98f29d6e75019b10344f29",
    "es": "dcbae93ec3a9f4b9e78fd834a171d6f96c1a875e10e15b7530b7e4ef4971e37e",
    "hi": "df2cce3532b37e9beb8979704b5c9a4bf874358f105395a298b89427b43b9d24",
    "ro": "94f8d54e93ad2b7dd2e76dd921a666b5b8eff2d4379df9f179c42b445f09643f",
    "ru": "208d5b1aa154c52b1b5c5eda16281e455e8fd198cdb9af3f469f0d6037d973bf",
    "th": "5cdda11d0e1e075f7872abf4e6ae830388ce7f617964d542308e9ae4257e0f43",
    "tr": "92179a564774b7696100d144c1e10870d0a966b6fccbdd254a65b9d2ab1971cc",
    "vi": "f619a1eb11fb42d3ab0834259e488a65f585447ef6154437bfb7199d85161a04",
    "zh": "691d0b3359bc6b8faa8de931dfdfe21d50a65861ae348e32a0d1a0190b0c8835",
}


def _xquad(base: str, languages: Mapping[str, Language]) -> Offer:
    return Offer(
        tuple(
            RemoteFile(f"{base}/xquad.{code}.json", f"eval/XQuAD/xquad.{code}.json", _XQUAD[code])
            for code in languages
            if code in _XQUAD
        ),
        tuple(f"XQuAD has no {language.name}." for code, language in languages.items() if code not in _XQUAD),
    )


_MLQA = {"ar", "de", "en", "es", "hi", "vi", "zh"}


def _mlqa(base: str, languages: Mapping[str, Language]) -> Offer:
    # Question and context in one language: the cross-lingual files repeat the same contexts and questions.
    members = tuple(f"MLQA_V1/*/*-context-{code}-question-{code}.json" for code in languages if code in _MLQA)
    sha256 = "246e8089933d13007fe80684d5c5c0713d6834cf8b3b4a0ec7c66f0a0d2baac8"
    return Offer(
        (RemoteFile(f"{base}/MLQA_V1.zip", f"{ARCHIVES}/MLQA_V1.zip", sha256, members, "eval/MLQA"),),
        tuple(f"MLQA has no {language.name}." for code, language in languages.items() if code not in _MLQA),
    )


def _flores(base: str, languages: Mapping[str, Language]) -> Offer:
    name = "flores200_dataset.tar.gz"
    sha256 = "b8b0b76783024b85797e5cc75064eb83fc5288b41e9654dabc7be6ae944011f6"
    members = tuple(f"flores200_dataset/dev*/{language.flores}.dev*" for language in languages.values())
    return Offer((RemoteFile(f"{base}/{name}", f"{ARCHIVES}/{name}", sha256, members, "eval/FLORES"),))


_GITHUB = "https://raw.githubusercontent.com"  # with a commit: the bytes never change

_OPUS = """@inproceedings{tiedemann-2012-parallel,
  title = {Parallel Data, Tools and Interfaces in {OPUS}},
  author = {Tiedemann, J{\\"o}rg},
  booktitle = {Proceedings of LREC 2012}, year = {2012}, pages = {2214--2218}
}"""

_ALL = (
    Corpus(
        name="WikiMatrix",
        # LASER's README names no version; Wikipedia and OPUS, which passes the files on, say 4.0
        license="CC-BY-SA-4.0",
        citation="""@inproceedings{schwenk-etal-2021-wikimatrix,
  title = {{W}iki{M}atrix: Mining 135{M} Parallel Sentences in 1620 Language Pairs from {W}ikipedia},
  author = {Schwenk, Holger and Chaudhary, Vishrav and Sun, Shuo and Gong, Hongyu and Guzm{\\'a}n, Francisco},
  booktitle = {Proceedings of EACL 2021: Main Volume}, year = {2021}, pages = {1351--1361}
}""",
        homepage="https://github.com/facebookresearch/LASER/tree/main/tasks/WikiMatrix",
        mined=True,
        base_url="https://dl.fbaipublicfiles.com/laser/WikiMatrix/v1",
        files=_wikimatrix,
    ),
    Corpus(
        name="News-Commentary",
        # no licence is shipped with the files; the WMT shared tasks release them for research
        license="LicenseRef-WMT-research",
        citation=_OPUS,
        homepage="https://data.statmt.org/news-commentary",
        base_url="https://data.statmt.org/news-commentary/v18.1/training",
        files=_news_commentary,
    ),
    Corpus(
        name="Alpaca",
        license="CC-BY-NC-4.0",
        citation="""@misc{alpaca,
  title = {Stanford Alpaca: An Instruction-following {LLaMA} model},
  author = {Rohan Taori and Ishaan Gulrajani and Tianyi Zhang and Yann Dubois and Xuechen Li and others},
  year = {2023},
  howpublished = {\\url{https://github.com/tatsu-lab/stanford_alpaca}}
}""",
        homepage="https://github.com/tatsu-lab/stanford_alpaca",
        aliases=("alpaca_data", "stanford_alpaca"),
        base_url=f"{_GITHUB}/tatsu-lab/stanford_alpaca/761dc5bfbdeeffa89b8bff5d038781a4055f796a",
        files=_alpaca,
    ),
    Corpus(
        name="XQuAD",
        license="CC-BY-SA-4.0",
        citation="""@article{Artetxe:etal:2019,
  title = {On the cross-lingual transferability of monolingual representations},
  author = {Mikel Artetxe and Sebastian Ruder and Dani Yogatama},
  journal = {CoRR}, volume = {abs/1910.11856}, year = {2019}
}""",
        homepage="https://github.com/google-deepmind/xquad",
        base_url=f"{_GITHUB}/google-deepmind/xquad/7d30520c717524000f0d9d2f9c10a069acd9d285",
        files=_xquad,
    ),
    Corpus(
        name="MLQA",
        license="CC-BY-SA-3.0",
        citation="""@article{lewis2019mlqa,
  title = {{MLQA}: Evaluating Cross-lingual Extractive Question Answering},
  author = {Lewis, Patrick and O{\\u{g}}uz, Barlas and Rinott, Ruty and Riedel, Sebastian and others},
  journal = {arXiv preprint arXiv:1910.07475}, year = {2019}
}""",
        homepage="https://github.com/facebookresearch/MLQA",
        base_url="https://dl.fbaipublicfiles.com/MLQA",
        files=_mlqa,
    ),
    Corpus(
        name="FLORES",
        license="CC-BY-SA-4.0",
        citation="""@article{nllb2022,
  title = {No Language Left Behind: Scaling Human-Centered Machine Translation},
  author = {{NLLB Team} and Costa-juss{\\`a}, Marta R. and Cross, James and {\\c{C}}elebi, Onur and others},
  journal = {arXiv preprint arXiv:2207.04672}, year = {2022}
}""",
        homepage="https://github.com/facebookresearch/flores",
        base_url="https://dl.fbaipublicfiles.com/nllb",
        files=_flores,
    ),
    Corpus(name="Tatoeba", license="CC-BY-2.0", citation=_OPUS, homepage="https://opus.nlpl.eu/Tatoeba"),
    Corpus(
        name="TICO-19",
        license="CC0-1.0",
        citation="""@inproceedings{anastasopoulos-etal-2020-tico,
  title = {{TICO}-19: the Translation Initiative for {CO}vid-19},
  author = {Anastasopoulos, Antonios and Cattelan, Alessandro and Dou, Zi-Yi and others},
  booktitle = {1st Workshop on {NLP} for {COVID}-19 (Part 2) at {EMNLP} 2020}, year = {2020}
}""",
        homepage="https://tico-19.github.io",
    ),
    Corpus(
        name="newstest",
        license="LicenseRef-WMT-research",
        citation="""@inproceedings{barrault-etal-2019-findings,
  title = {Findings of the 2019 Conference on Machine Translation ({WMT}19)},
  author = {Barrault, Lo{\\"i}c and Bojar, Ond{\\v{r}}ej and Costa-juss{\\`a}, Marta R. and others},
  booktitle = {Proceedings of WMT 2019, Volume 2}, year = {2019}, pages = {1--61}
}""",
        homepage="https://www.statmt.org/wmt19/translation-task.html",
        aliases=("newsdev", "WMT-News"),
    ),
    Corpus(
        name="NeuLab-TedTalks",
        license="LicenseRef-TED",
        citation="""@inproceedings{qi-etal-2018-pre,
  title = {When and Why Are Pre-Trained Word Embeddings Useful for Neural Machine Translation?},
  author = {Qi, Ye and Sachan, Devendra and Felix, Matthieu and Padmanabhan, Sarguna and Neubig, Graham},
  booktitle = {Proceedings of NAACL-HLT 2018, Volume 2 (Short Papers)}, year = {2018}, pages = {529--535}
}""",
        homepage="https://opus.nlpl.eu/NeuLab-TedTalks",
    ),
)

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in _ALL}

_VERSION = re.compile(r"[-._ ]*v?\d[\d._-]*$", re.IGNORECASE)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


_BY_KEY = {_key(name): corpus for corpus in _ALL for name in (corpus.name, *corpus.aliases)}


def find_corpus(name: str) -> Corpus | None:
    """The corpus of that name, whatever its case, punctuation and version (`newstest2017`)."""
    return _BY_KEY.get(_key(name)) or _BY_KEY.get(_key(_VERSION.sub("", name)))


def license_of(corpus_name: str) -> str:
    """The licence of a corpus (`find_corpus`); `unknown` for one that the table does not know."""
    corpus = find_corpus(corpus_name)
    return corpus.license if corpus else UNKNOWN
