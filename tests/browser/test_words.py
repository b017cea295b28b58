"""The two languages say the same things; the pages use no word that is not there."""

import json
import re

from typescript import UI, run_typescript

FLATTEN = """
const flat = (o, p = '') => Object.entries(o).flatMap(([k, v]) =>
  typeof v === 'string' ? [[p + k, v]] : flat(v, p + k + '.'));
"""
HOLE = re.compile(r"\{(\w+)\}")


def words(language: str) -> dict[str, str]:
    address = (UI / "i18n" / f"{language}.ts").as_uri()
    program = f"{FLATTEN} const m = await import('{address}');"
    program += "console.log(JSON.stringify(Object.fromEntries(flat(m.default))))"
    found: dict[str, str] = run_typescript(program)
    return found


def test_both_languages_have_the_same_words_with_the_same_holes() -> None:
    english, vietnamese = words("en"), words("vi")
    assert english.keys() == vietnamese.keys()
    assert len(english) > 200
    for key, text in english.items():
        assert set(HOLE.findall(text)) == set(HOLE.findall(vietnamese[key])), key
        assert text.strip(), key
        assert vietnamese[key].strip(), key


def test_pages_use_only_words_that_exist() -> None:
    known = words("en")
    sources = [*UI.rglob("*.vue"), *UI.glob("*.ts")]
    used = {
        key
        for source in sources
        for key in re.findall(r"""\bt\(\s*'([\w.]+)'""", source.read_text())
    }
    assert len(used) > 100
    assert sorted(key for key in used if key not in known) == []


def test_no_page_says_anything_outside_the_two_files() -> None:
    """Text between tags that is a word, and no mustache, is text that nobody translates."""
    found = []
    for source in UI.rglob("*.vue"):
        template = source.read_text().partition("<template>")[2]
        template = re.sub(r"\{\{.*?\}\}|<!--.*?-->|<style.*", "", template, flags=re.DOTALL)
        texts = re.findall(r"(?<![=-])>([^<>]+)<", template)
        found += [f"{source.name}: {t.strip()}" for t in texts if re.search(r"[A-Za-z]{3,}", t)]
    assert [text for text in found if not text.startswith("App.vue: HES")] == []


def test_power_is_told_by_differences_and_holes_stay_holes() -> None:
    profile = (UI / "profile.ts").as_uri()
    rows = [
        {"time": f"2026-01-01T{time}:00Z", "values": {"1.0.1.8.0.255": {"value": v, "unit": "Wh"}},
         "status": 0, "quality": "good"}
        for time, v in [("00:00", "1000"), ("00:30", "1500"), ("01:00", "2500"), ("03:00", "9000"),
                        ("03:30", "9250")]
    ]  # fmt: skip
    program = f"const m = await import('{profile}');"
    program += f"console.log(JSON.stringify(m.seriesOf({json.dumps(rows)}, '1.0.1.8.0.255', true)))"
    series = run_typescript(program)
    assert series["unit"] == "kW"
    assert [value for _, value in series["points"]] == [1.0, 2.0, None, 0.5]
