//! What the commands in `tests/cmd` print, byte for byte. `TRYCMD=overwrite cargo test --release --test transcripts`
//! writes what they print now; read the difference before committing it.
#![cfg(all(feature = "ingest", feature = "manifest", feature = "train"))]

#[test]
fn commands_answer_as_their_transcripts_say() {
    trycmd::TestCases::new().case("tests/cmd/*.md");
}
