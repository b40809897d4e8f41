//! Writing the example to disk: all or nothing as far as can be told beforehand, and over something that is there only
//! where that is what was asked for.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::ExampleError;
use super::authority::{Authority, Issued};

/// Files to be written below a folder.
#[derive(Default)]
pub(crate) struct Folder {
    files: Vec<NewFile>,
}

struct NewFile {
    path: PathBuf,
    content: Zeroizing<String>,
    mode: u32,
}

const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;
const FOLDER: u32 = 0o700;

impl Folder {
    /// `tls.crt`, `tls.key` and `ca.crt` below `folder`.
    pub(crate) fn add_issued(&mut self, folder: &Path, issued: &Issued, ca_pem: &str) {
        self.add(folder.join("tls.crt"), issued.chain_pem.clone().into(), PUBLIC);
        self.add(folder.join("tls.key"), issued.key_pem.clone(), PRIVATE);
        self.add_public(folder.join("ca.crt"), ca_pem.to_owned());
    }

    /// `tls.crt` and `tls.key` of an authority.
    pub(crate) fn add_authority(&mut self, folder: &Path, authority: &Authority) {
        self.add_public(folder.join("tls.crt"), authority.pem());
        self.add(folder.join("tls.key"), authority.key_pem(), PRIVATE);
    }

    /// A file that everybody may read.
    pub(crate) fn add_public(&mut self, path: PathBuf, content: String) {
        self.add(path, content.into(), PUBLIC);
    }

    fn add(&mut self, path: PathBuf, content: Zeroizing<String>, mode: u32) {
        self.files.push(NewFile { path, content, mode });
    }

    /// Writes all files below `root`.
    pub(crate) fn write_below(&self, root: &Path) -> Result<(), ExampleError> {
        for file in &self.files {
            let path = root.join(&file.path);
            if path.symlink_metadata().is_ok() {
                return Err(ExampleError::Exists { path });
            }
        }
        for file in &self.files {
            let path = root.join(&file.path);
            file.write(&path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => ExampleError::Exists { path },
                _ => ExampleError::Write { path, error },
            })?;
        }
        Ok(())
    }
}

impl Folder {
    /// Writes all files below `root`, each in one step in place of the one that is there.
    pub(crate) fn replace_below(&self, root: &Path) -> Result<(), ExampleError> {
        for file in &self.files {
            let path = root.join(&file.path);
            let beside = path.with_extension("new");
            let put = || {
                // Left by somebody who was stopped.
                match fs::remove_file(&beside) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                file.write(&beside)?;
                fs::rename(&beside, &path)
            };
            put().map_err(|error| ExampleError::Write { path, error })?;
        }
        Ok(())
    }
}

impl NewFile {
    fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(FOLDER).create(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(self.mode).open(path)?;
        file.write_all(self.content.as_bytes())?;
        file.sync_all()
    }
}
