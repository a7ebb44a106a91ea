"""`zoo merge`: a whole model, and never in the place of another that nobody gave up."""

from tests.cli.commands import zoo


def test_a_merged_model_is_written_and_another_is_kept(run, tmp_path):
    out = tmp_path / "merged"
    ended = zoo("merge", run, "--out", out)
    assert ended.code == 0, ended.err
    before = (out / "zoo.json").read_bytes()

    ended = zoo("merge", run, "--out", out)
    assert ended.code == 2
    assert f"{out} holds an earlier artifact." in ended.err
    assert "`--overwrite`" in ended.err
    assert (out / "zoo.json").read_bytes() == before

    ended = zoo("merge", run, "--out", out, "--overwrite")
    assert ended.code == 0, ended.err


def test_what_is_no_artifact_is_kept_whatever_is_typed(run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    ended = zoo("merge", run, "--out", tmp_path, "--overwrite")
    assert ended.code == 2
    assert "holds something that is not an artifact" in ended.err
    assert (tmp_path / "notes.txt").read_text() == "mine"
