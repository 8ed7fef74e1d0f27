"""The model file: round trip, reproducible bytes, and a clear word on every file that cannot be used."""

import hashlib
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import model as model_file
from detectors.claim_features import matrix
from detectors.model import Model, ModelError
from tests.forest.claims import fitted, random_rows


def test_a_model_comes_back_as_it_was() -> None:
    """Scores, percentiles, baselines and the rest; and the same bytes again."""
    model = fitted()
    data = model.to_bytes()
    back = Model.from_bytes(data)
    rows = random_rows(500, model.claims.forest.features, seed=4)
    assert np.array_equal(back.claims.forest.score(rows), model.claims.forest.score(rows))
    assert np.array_equal(back.claims.forest.contributions(rows), model.claims.forest.contributions(rows))
    assert np.array_equal(back.claims.grid, model.claims.grid)
    for name in ("baselines", "day_baselines", "first_day", "last_day", "settings", "version"):
        assert getattr(back, name) == getattr(model, name)
    assert back.claims.thresholds == model.claims.thresholds
    assert back.claims.counts == model.claims.counts
    assert back.to_bytes() == data


def test_a_version_is_told_by_the_content() -> None:
    """Last day and digest; another threshold is another version."""
    model = fitted()
    assert model.version.startswith("2026-01-20-")
    assert replace(model, claims=replace(model.claims, thresholds={"": 1})).version != model.version
    assert replace(model, claims=replace(model.claims)).version == model.version


def test_the_age_of_a_model() -> None:
    """Days since the last settlement it has seen; never negative."""
    model = fitted()
    assert [model.age_days(model.last_day + days) for days in (-1, 0, 1, 30)] == [0, 0, 1, 30]


@given(
    data=st.one_of(
        st.binary(max_size=200).filter(lambda data: data[:8] != b"CLMODEL\n"),
        st.just(b"PK\x03\x04 a zip archive"),
        st.just(b"\x80\x04a pickle"),
    )
)
def test_other_files_are_no_models(data: bytes) -> None:
    """Anything without the magic word."""
    with pytest.raises(ModelError, match="not a model file"):
        Model.from_bytes(data)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_every_flipped_bit_is_noticed(place: float, bit: int) -> None:
    """Wherever it lies: magic word, format, checksum or content."""
    data = bytearray(fitted().to_bytes())
    data[int(place * len(data))] ^= 1 << bit
    with pytest.raises(ModelError, match=r"damaged|not a model file"):
        Model.from_bytes(bytes(data))


@pytest.mark.parametrize("cut", [8, 20, 41, 42, 1_000, -1])
def test_a_file_cut_off_is_damaged(cut: int) -> None:
    """In the head, right after it, or anywhere in the content; and one with something behind it."""
    data = fitted().to_bytes()
    with pytest.raises(ModelError, match="damaged"):
        Model.from_bytes(data[:cut])
    with pytest.raises(ModelError, match="damaged"):
        Model.from_bytes(data + b"\0")


def sealed(content: object, form: int = model_file.FORMAT) -> bytes:
    """A file with a right checksum, whatever its content."""
    body = msgspec.msgpack.encode(content)
    head = form.to_bytes(2, "little")
    return b"CLMODEL\n" + head + hashlib.sha256(head + body).digest() + body


def test_a_newer_format_asks_for_an_update() -> None:
    """Also when the content is of a shape this version does not know."""
    with pytest.raises(ModelError, match="format 4, this version reads up to 3"):
        Model.from_bytes(sealed({"anything": 1}, form=4))


def test_an_older_format_asks_for_a_new_model() -> None:
    """Its features are others, too."""
    with pytest.raises(ModelError, match="of an older version: fit a new one"):
        Model.from_bytes(sealed({"anything": 1}, form=2))


def test_a_model_of_other_features_is_refused() -> None:
    """Others by name, by order, or computed in another way; the message names what differs."""
    content = msgspec.msgpack.decode(fitted()._content())
    claims = content["claims"]
    names = claims["features"]
    assert Model.from_bytes(sealed(content)).version == fitted().version
    with pytest.raises(ModelError, match=r"other features \(shoe_size, total\)"):
        Model.from_bytes(sealed(content | {"claims": claims | {"features": ["shoe_size", *names[1:]]}}))
    with pytest.raises(ModelError, match="their order"):
        Model.from_bytes(sealed(content | {"claims": claims | {"features": names[::-1]}}))
    with pytest.raises(ModelError, match="another way"):
        Model.from_bytes(sealed(content | {"claims": claims | {"feature_set": "0" * 16}}))


def test_a_sealed_file_of_nonsense_is_refused() -> None:
    """A right checksum does not make a forest."""
    content = msgspec.msgpack.decode(fitted()._content())
    changes: list[dict[str, object]] = [
        {"trees": 3},
        {"grid": b"1234"},
        {"grid": b"123"},
        {"upper": b""},
        {"thresholds": {"": "high"}},
        {"thresholds": {}},
        {"edges": b""},
        {"shares": b""},
    ]
    for change in changes:
        with pytest.raises(ModelError):
            Model.from_bytes(sealed(content | {"claims": content["claims"] | change}))
    with pytest.raises(ModelError):
        Model.from_bytes(sealed([1, 2]))


def test_a_model_of_another_width_cannot_be_made() -> None:
    """Forest, percentiles and features belong together."""
    part = fitted().claims
    with pytest.raises(ModelError, match="percentiles"):
        replace(part, grid=part.grid[:, :-1])
    with pytest.raises(ModelError, match="percentiles"):
        replace(part, grid=np.ascontiguousarray(part.grid[:, ::-1]))
    with pytest.raises(ModelError, match="features"):
        replace(part, features=part.features[:-1])


def test_a_row_of_the_features_is_what_the_forest_takes() -> None:
    """The code's features and the model's forest have the same width."""
    assert matrix([]).shape[1] == fitted().claims.forest.features
