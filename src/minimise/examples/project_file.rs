//! Projects a document from file to file as it comes in, which is what `tests/bench/minimise` measures:
//! `project_file PROFILE INPUT OUTPUT [TIMES]`. Done several times, the start of the process does not count for small documents.

use std::error::Error;
use std::fs::File;
use std::io::{Read as _, Write as _};

use minimise::person::{ESTONIAN_PERSONAL_CODE, Identifier, Private};
use minimise::{Declared, Limits, Profile, Projector};

const BUFFER_BYTES: usize = 256 << 10;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [profile, input, output, times @ ..] = arguments.as_slice() else {
        return Err("usage: project_file PROFILE INPUT OUTPUT [TIMES]".into());
    };
    let times: usize = times.first().map_or(Ok(1), |times| times.parse())?;
    let toml = std::fs::read_to_string(profile)?;
    let profile = Profile::parse("bench", &toml).map_err(|faults| format!("the profile: {faults:?}"))?;
    for _ in 0..times {
        project(&profile, input, output)?;
    }
    Ok(())
}

fn project(profile: &Profile, input: &str, output: &str) -> Outcome<()> {
    let subject =
        Identifier { system: ESTONIAN_PERSONAL_CODE.to_owned(), value: Private::new("60001017869") };
    let limits = Limits { document_bytes_max: 2 << 30, members_max: 1 << 30, ..Limits::default() };
    let declared = Declared {
        subject: &subject,
        recipient: None,
        evidence: Default::default(),
        others: vec!["D00000"],
        limits,
    };
    let refused = |faults: Vec<_>| format!("refused: {faults:?}");
    let (mut input, mut output) = (File::open(input)?, File::create(output)?);
    let mut projector = Projector::new(profile, &declared);
    let (mut buffer, mut out) = (vec![0; BUFFER_BYTES], Vec::new());
    loop {
        let bytes = input.read(&mut buffer)?;
        let Some(read) = buffer.get(..bytes).filter(|read| !read.is_empty()) else { break };
        projector.feed(read, &mut out).map_err(refused)?;
        output.write_all(&out)?;
        out.clear();
    }
    projector.end(&mut out).map_err(refused)?;
    Ok(output.write_all(&out)?)
}
