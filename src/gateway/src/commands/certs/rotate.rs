//! `clearance certs rotate`: a certificate and its key in the place of those in use, once they are proved.
//!
//! It only puts files there. The gateway takes them up itself, and proves them again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use identity::{Material, MaterialFiles, Part, Purpose, Sources, foresee};
use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::{Failure, Report};
use crate::config::Config;
use crate::serve::{causes, sources};

/// How the listeners' certificate is called; a peer is called by its name.
const SERVER: &str = "server";

/// Why a certificate was not put in place; nothing has changed then.
#[derive(Debug, thiserror::Error)]
enum RotateError {
    #[error("`{0}` is neither `server` nor a peer that is shown a certificate; the settings have {1}")]
    Nobody(String, String),
    #[error("the new certificate would not do: {0}; the old one stays")]
    Unfit(String),
    #[error("`{}` is a link; whoever makes it, such as Kubernetes, has to rotate what it leads to", .0.display())]
    Link(PathBuf),
    #[error("`{}`: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

pub(super) fn rotate(
    report: &Report,
    config: &Config,
    of: &str,
    new: (&Path, &Path),
    now: Timestamp,
) -> Result<(), Failure> {
    let sources = sources(config);
    let (part, present) = in_use(&sources, of)?;
    let proposed = MaterialFiles { chain: new.0.to_owned(), key: new.1.to_owned(), ..present.clone() };
    let unfit = |why: String| RotateError::Unfit(why);
    let (purpose, mut with_new) = (if of == SERVER { Purpose::Server } else { Purpose::Client }, sources);
    let material = Material::load(&proposed, purpose, now).map_err(|error| unfit(causes(&error)))?;
    put_into(&mut with_new, &part, proposed);
    if let Some(failure) = foresee(&with_new, now).failures.iter().find(|failure| failure.part == part) {
        return Err(unfit(causes(failure)).into());
    }
    replace(&[(new.1, &present.key, 0o600), (new.0, &present.chain, 0o644)])?;
    let (pin, until) = (material.certificate().spki, material.not_after());
    report.line(format_args!(
        "the certificate of {part} lasts until {until}; a running gateway takes it up now"
    ));
    report.line(format_args!("spki_sha256  {pin}"));
    report.line("what was there before lies beside it, as `.previous`");
    report.value(&json!({ "part": part.to_string(), "not_after": until, "spki_sha256": pin.to_string() }));
    Ok(())
}

fn in_use(sources: &Sources, of: &str) -> Result<(Part, MaterialFiles), RotateError> {
    if of == SERVER {
        return Ok((Part::ServerCertificate, sources.server.clone()));
    }
    let shown = sources.destinations.get(of).and_then(|peer| peer.certificate.clone());
    shown.map(|files| (Part::Destination(of.to_owned()), files)).ok_or_else(|| {
        let peers = sources.destinations.iter().filter(|(_, peer)| peer.certificate.is_some());
        let known: Vec<_> = std::iter::once(SERVER).chain(peers.map(|(name, _)| name.as_str())).collect();
        RotateError::Nobody(
            of.to_owned(),
            known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        )
    })
}

fn put_into(sources: &mut Sources, part: &Part, files: MaterialFiles) {
    match part {
        Part::Destination(name) => {
            if let Some(peer) = sources.destinations.get_mut(name) {
                peer.certificate = Some(files);
            }
        }
        _ => sources.server = files,
    }
}

/// Puts each file in the place of another, which is kept beside it. All are written before the first changes its name.
fn replace(files: &[(&Path, &PathBuf, u32)]) -> Result<(), RotateError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| RotateError::File { path, source }
    };
    for (_, place, _) in files {
        if fs::symlink_metadata(place).is_ok_and(|of| of.is_symlink()) {
            return Err(RotateError::Link(place.to_path_buf()));
        }
    }
    for (from, place, mode) in files {
        let content = Zeroizing::new(fs::read(from).map_err(at(from))?);
        let new = beside(place, "new");
        write(&new, &content, *mode).map_err(at(&new))?;
        let kept = beside(place, "previous");
        let content = Zeroizing::new(fs::read(place).map_err(at(place))?);
        write(&kept, &content, *mode).map_err(at(&kept))?;
    }
    for (_, place, _) in files {
        fs::rename(beside(place, "new"), place).map_err(at(place))?;
    }
    for (_, place, _) in files {
        let folder = place.parent().unwrap_or(place);
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
    }
    Ok(())
}

fn beside(place: &Path, ending: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    // A key that another may have opened is not written over.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
