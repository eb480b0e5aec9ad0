"""Near-duplicates on small frames: what meets, what is verified, who survives."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from shingle_sets import jaccard

from pipelines.dedup import near
from pipelines.dedup.minhash import Bander
from schemas.config import Near

SHINGLE = {"en": 5, "tr": 5, "zh": 3}
SETTINGS = Near()
Edge = tuple[int, int]


@dataclass
class Pairs:
    """Text pairs with their ranks (lower is better)."""

    src: list[str] = field(default_factory=list)
    tgt: list[str] = field(default_factory=list)
    rank: list[float] = field(default_factory=list)

    def add(self, src: str, tgt: str, rank: float) -> int:
        self.src.append(src)
        self.tgt.append(tgt)
        self.rank.append(rank)
        return len(self.src) - 1

    def similarity(self, a: int, b: int, lang: str = "tr") -> float:
        """The lower of the two sides' Jaccard similarities, by this test's own means."""
        return min(
            jaccard(self.src[a], self.src[b], SHINGLE["en"]),
            jaccard(self.tgt[a], self.tgt[b], SHINGLE[lang]),
        )


def banded(spark: SparkSession, rows: Pairs, lang: str = "tr") -> DataFrame:
    keys = Bander.make(SETTINGS.bands, SETTINGS.rows).bands(rows.src, rows.tgt, SHINGLE["en"], SHINGLE[lang])
    data = [(row, f"en-{lang}", bands) for row, bands in enumerate(keys.view("int32").tolist())]
    return spark.createDataFrame(data, "row bigint, pair string, bands array<int>")


def texts(spark: SparkSession, rows: Pairs, lang: str = "tr") -> DataFrame:
    data = [
        (row, (rank, row), f"content{row}", "en", lang, src, tgt)
        for row, (src, tgt, rank) in enumerate(zip(rows.src, rows.tgt, rows.rank, strict=True))
    ]
    schema = (
        "row bigint, rank struct<margin: double, row: bigint>, content_id string, src_lang string, "
        "tgt_lang string, src_text string, tgt_text string"
    )
    return spark.createDataFrame(data, schema)


def fallen_of(frame: DataFrame) -> dict[int, int]:
    """Row -> survivor, after a look at what must always hold."""
    rows = frame.collect()
    fallen = {row["row"]: row["survivor"] for row in rows}
    assert len(fallen) == len(rows), "a row falls twice"
    assert not fallen.keys() & set(fallen.values()), "a row falls to one that falls itself"
    assert all(row["content_id"] == f"content{row['survivor']}" for row in rows)
    return fallen


def drop(spark: SparkSession, rows: Pairs, lang: str = "tr", partitions: int = 2) -> dict[int, int]:
    pairs = near.candidates(banded(spark, rows, lang), partitions)
    return fallen_of(near.resolve(near.verify(pairs, texts(spark, rows, lang), SETTINGS, SHINGLE)))


def edges_frame(spark: SparkSession, edges: list[Edge], partitions: int = 2) -> DataFrame:
    """Edges between rows whose rank is their number."""
    data = [(better, worse, (0.0, better), f"content{better}") for better, worse in edges]
    schema = "better bigint, worse bigint, rank struct<margin: double, row: bigint>, content_id string"
    return spark.createDataFrame(data, schema).repartition(partitions)


def greedy(edges: list[Edge]) -> set[int]:
    """The rows that fall if the rows are gone through from the best to the worst."""
    better_of: dict[int, list[int]] = {}
    for better, worse in edges:
        better_of.setdefault(worse, []).append(better)
    fallen: set[int] = set()
    for row in sorted(better_of):
        if any(better not in fallen for better in better_of[row]):
            fallen.add(row)
    return fallen


def words(rng: random.Random, count: int) -> list[str]:
    return ["".join(rng.choices("abcdefghijklmnoprstuvyz", k=rng.randint(3, 9))) for _ in range(count)]


def characters(rng: random.Random, count: int) -> list[str]:
    return [chr(rng.randint(0x4E00, 0x9FA5)) for _ in range(count)]


# --- resolve -------------------------------------------------------------------------------------------------------


def test_a_chain_is_split_where_it_drifts(spark: SparkSession) -> None:
    """0-1-2-...-9, each like the next only: every other row stays."""
    edges = [(row, row + 1) for row in range(9)]
    assert fallen_of(near.resolve(edges_frame(spark, edges))) == {1: 0, 3: 2, 5: 4, 7: 6, 9: 8}


def test_the_middle_of_a_chain_represents_both_ends_if_it_is_the_best(spark: SparkSession) -> None:
    assert fallen_of(near.resolve(edges_frame(spark, [(0, 1), (0, 2)]))) == {1: 0, 2: 0}


def test_a_row_between_two_survivors_falls_to_the_better(spark: SparkSession) -> None:
    assert fallen_of(near.resolve(edges_frame(spark, [(1, 2), (0, 2)]))) == {2: 0}


def test_no_edges_drop_nothing(spark: SparkSession) -> None:
    assert fallen_of(near.resolve(edges_frame(spark, [(0, 1)]).limit(0))) == {}


@pytest.mark.parametrize("held_by_the_driver", [0, 200, 200_000])
def test_survivors_are_those_of_the_greedy_pass_on_random_graphs(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, held_by_the_driver: int
) -> None:
    """In rounds alone, in rounds and then on the driver, and on the driver alone."""
    monkeypatch.setattr(near, "_FEW_EDGES", held_by_the_driver)
    rng = random.Random(7)
    edges: list[Edge] = []
    for graph, density in enumerate([20, 40, 60, 90, 150, 400]):
        nodes = range(graph * 100, graph * 100 + 60)
        edges += {(min(pair), max(pair)) for pair in (rng.sample(nodes, 2) for _ in range(density))}
    expected = greedy(edges)
    fallen = fallen_of(near.resolve(edges_frame(spark, edges, 3)))
    assert fallen.keys() == expected
    assert set(edges) >= {(survivor, row) for row, survivor in fallen.items()}


# --- candidates ----------------------------------------------------------------------------------------------------


def test_a_skewed_bucket_stays_linear(spark: SparkSession) -> None:
    """500 rows that share all bands would make 124,750 pairs."""
    data = [(row, "en-tr", [7] * 16) for row in range(500)]
    frame = spark.createDataFrame(data, "row bigint, pair string, bands array<int>")
    pairs = [(row["a"], row["b"]) for row in near.candidates(frame, 3).collect()]
    assert len(pairs) == len(set(pairs)) <= 500 * 34
    assert all(a < b for a, b in pairs)
    assert {b for a, b in pairs if a == 0} == set(range(1, 500))


def test_rows_of_different_pairs_never_meet(spark: SparkSession) -> None:
    data = [(0, "en-tr", [1, 2]), (1, "en-zh", [1, 2]), (2, "en-tr", [1, 9]), (3, "en-tr", [2, 1])]
    frame = spark.createDataFrame(data, "row bigint, pair string, bands array<int>")
    # rows 0 and 3 hold the same bands, but at other positions
    assert [(row["a"], row["b"]) for row in near.candidates(frame, 2).collect()] == [(0, 2)]


def test_a_large_family_is_thinned_to_few(spark: SparkSession) -> None:
    """More near-copies of one text than a bucket's window; the best of them has the middle place."""
    rows = Pairs()
    for number in range(300):
        rank = -1.0 if number == 150 else float(number)
        letters = f"{chr(97 + number % 26)}{chr(97 + number // 26)}"
        rows.add(
            f"The little station {letters} lies on the old railway between the harbour and the mountains.",
            f"Küçük istasyon {letters} liman ile dağlar arasındaki eski demiryolu hattında bulunuyor.",
            rank,
        )
    fallen = drop(spark, rows)
    assert 150 not in fallen
    assert len(fallen) >= 0.95 * 300


# --- verify --------------------------------------------------------------------------------------------------------


def test_verify_takes_the_lower_side_and_the_threshold_is_included(spark: SparkSession) -> None:
    rows = Pairs()
    same = "the same sentence on this side"
    rows.add(same, "abcdefghijklm", 1.0)  # 9 shingles
    rows.add(same, "abcdefghijkl", 2.0)  # 8 of these 9: .889
    rows.add(same, "abcdefghijk", 3.0)  # 7 of 9: .778, and 7 of row 1's 8: .875
    rows.add("an entirely different sentence", "abcdefghijklm", 0.0)
    pairs = spark.createDataFrame([(0, 1), (0, 2), (1, 2), (0, 3)], "a bigint, b bigint")

    def edges(threshold: float) -> set[Edge]:
        found = near.verify(pairs, texts(spark, rows), Near(threshold=threshold), SHINGLE).collect()
        assert all(row["rank"]["row"] == row["better"] for row in found)
        assert all(row["content_id"] == f"content{row['better']}" for row in found)
        return {(row["better"], row["worse"]) for row in found}

    assert edges(0.8) == {(0, 1), (1, 2)}
    assert edges(0.875) == {(0, 1), (1, 2)}
    assert edges(0.88) == {(0, 1)}


def test_the_better_row_is_the_one_with_the_lower_rank_whatever_its_number(spark: SparkSession) -> None:
    rows = Pairs()
    for rank in (3.0, 1.0, 2.0):
        rows.add("A sentence that stands here three times", "Burada üç kez duran bir cümle", rank)
    assert drop(spark, rows) == {0: 1, 2: 1}


def test_texts_shorter_than_a_shingle_are_seen(spark: SparkSession) -> None:
    rows = Pairs()
    for src, tgt in (("Yes", "Ok"), ("YES", "OK"), ("No", "Ne")):
        rows.add(src, tgt, float(len(rows.src)))
    assert drop(spark, rows) == {1: 0}


# --- all together --------------------------------------------------------------------------------------------------


def test_a_drifting_family_of_texts_keeps_its_ends_apart(spark: SparkSession) -> None:
    rng = random.Random(3)
    source, target = words(rng, 16), words(rng, 16)
    rows = Pairs()
    for step in range(14):
        rows.add(" ".join(source), " ".join(target), float((step * 5) % 14))
        source[step], target[step] = words(rng, 2)
    fallen = drop(spark, rows)
    assert fallen, "nothing is alike: the texts of this test are wrong"
    assert rows.similarity(0, 13) < 0.2
    for row, survivor in fallen.items():
        assert rows.similarity(row, survivor) >= SETTINGS.threshold
        assert rows.rank[survivor] < rows.rank[row]
    staying = [row for row in range(14) if row not in fallen]
    assert len(staying) >= 3


def test_what_falls_does_not_depend_on_partitions_or_on_the_order_of_rows(spark: SparkSession) -> None:
    rng = random.Random(11)
    rows = Pairs()
    for _ in range(12):
        source, target = words(rng, 14), words(rng, 14)
        for _ in range(6):
            rows.add(" ".join(source), " ".join(target), rng.random())
            source[rng.randrange(14)], target[rng.randrange(14)] = words(rng, 2)
    bands, said = banded(spark, rows), texts(spark, rows)
    found = []
    for partitions, order in ((1, F.col("row")), (7, F.xxhash64("row"))):
        shuffled = bands.repartition(partitions).sortWithinPartitions(order)
        pairs = near.candidates(shuffled, partitions)
        edges = near.verify(pairs, said.repartition(partitions), SETTINGS, SHINGLE)
        found.append((sorted(map(tuple, pairs.collect())), fallen_of(near.resolve(edges))))
    assert found[0] == found[1]
    assert len(found[0][1]) > 12


@pytest.mark.parametrize("lang", ["tr", "zh"])
def test_planted_near_duplicates_are_found(spark: SparkSession, lang: str) -> None:
    """Of planted pairs at 0.8 or more at least 95 % are found; whoever falls is at least .75 to its survivor."""
    rng = random.Random(42)
    make, glue = (characters, "") if lang == "zh" else (words, " ")
    rows = Pairs()
    planted: list[Edge] = []
    for _ in range(400):
        source, target = words(rng, rng.randint(10, 25)), make(rng, rng.randint(22, 60))
        first = rows.add(" ".join(source), glue.join(target), rng.random())
        # one to four words at the edge and inside, replaced, left out or added
        for side, maker in ((source, words), (target, make)):
            for _ in range(rng.choice((1, 1, 2, 4))):
                place = rng.choice((0, len(side) - 1, rng.randrange(len(side))))
                side[place : place + rng.randint(0, 1)] = maker(rng, rng.randint(0, 1))
        planted.append((first, rows.add(" ".join(source), glue.join(target), rng.random())))
    alike = {pair: rows.similarity(*pair, lang) for pair in planted}
    similar = [pair for pair in planted if alike[pair] >= 0.8]
    apart = [pair for pair in planted if alike[pair] < 0.75]
    hard = [pair for pair in similar if alike[pair] < 0.88]
    assert min(len(similar) - len(hard), len(hard), len(apart)) >= 25, "the texts of this test are wrong"

    fallen = drop(spark, rows, lang)
    found = [pair for pair in similar if pair[0] in fallen or pair[1] in fallen]
    assert len(found) >= 0.95 * len(similar)
    assert not [pair for pair in apart if pair[0] in fallen or pair[1] in fallen]
    for row, survivor in fallen.items():
        assert rows.similarity(row, survivor, lang) >= 0.75
        assert rows.rank[survivor] < rows.rank[row]
