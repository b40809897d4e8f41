//! What the kernel lets the process do while it serves: read what the settings name, write its data, start nothing.
//!
//! Landlock binds a thread and those that it starts, so the sandbox is drawn before the first. It is drawn around the folders
//! of files, not around files: certificates are replaced by others, and links to them point elsewhere. It does not limit the
//! network, which is left to the unit or the NetworkPolicy.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::config::{Config, SandboxChoice};
use crate::serve;

/// A sandbox that has been drawn, or the want of one.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// What may be read; none where the kernel bounds nothing.
    bounds: Option<Vec<PathBuf>>,
    given: &'static str,
}

/// Why the process cannot be bounded as the settings ask.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    #[error(transparent)]
    Folder(#[from] serve::StartError),
    #[error(
        "`process.sandbox` = `required`, and the kernel does not give it; Landlock of Linux 6.2 is needed, \
         and `cat /sys/kernel/security/lsm` names it where it is switched on"
    )]
    NotGiven(#[source] RulesetError),
    #[error("the sandbox cannot be drawn")]
    Drawn(#[from] RulesetError),
    #[error("`{path}` cannot be opened to be let into the sandbox")]
    Path {
        path: PathBuf,
        #[source]
        source: landlock::PathFdError,
    },
    #[error("the kernel refuses to forbid core dumps or new privileges")]
    Process(#[from] rustix::io::Errno),
}

/// Bounds this thread, and all that it starts. Folders that are written to are made first.
pub(crate) fn draw(config: &Config, file: &Path) -> Result<Sandbox, SandboxError> {
    keep_to_itself()?;
    if config.process.sandbox == SandboxChoice::Off {
        return Ok(Sandbox { bounds: None, given: "off" });
    }
    let written = written(config);
    for folder in &written {
        serve::folder(folder.clone())?;
    }
    let bounds = folders(&read(config, file));
    let status = restrict(&bounds, &written, config.process.sandbox == SandboxChoice::Required)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Sandbox { bounds: Some(bounds), given: "full" },
        RulesetStatus::PartiallyEnforced => Sandbox { bounds: Some(bounds), given: "partial" },
        RulesetStatus::NotEnforced => Sandbox { bounds: None, given: "none" },
    })
}

impl Sandbox {
    /// Says what the kernel gives.
    pub(crate) fn tell(&self) {
        if rustix::process::geteuid().is_root() {
            tracing::warn!(
                event.action = "runs-as-root",
                "the gateway runs as root, and needs to nowhere: give it a user of its own"
            );
        }
        if self.given == "full" {
            tracing::info!(
                event.action = "sandboxed",
                sandbox.given = self.given,
                "the process is bounded by the kernel"
            );
        } else {
            tracing::warn!(
                event.action = "sandboxed",
                sandbox.given = self.given,
                "the process is not, or not fully, bounded by the kernel; `process.sandbox` says what is asked for"
            );
        }
    }

    /// What other settings would read outside: a restart draws the sandbox anew.
    pub(crate) fn outside(&self, config: &Config) -> Vec<PathBuf> {
        let Some(bounds) = &self.bounds else { return Vec::new() };
        // A file that is missing is told by whoever reads it.
        let within = |path: &PathBuf| {
            path.canonicalize().map_or(true, |real| bounds.iter().any(|bound| real.starts_with(bound)))
        };
        named(config).into_iter().filter(|path| !within(path)).collect()
    }
}

/// No core dumps and no other process of the same user looking in: keys and documents are in memory. Nothing that it could
/// start gains privileges.
fn keep_to_itself() -> Result<(), rustix::io::Errno> {
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::thread::set_no_new_privs(true)
}

fn restrict(
    read: &[PathBuf],
    written: &[PathBuf],
    required: bool,
) -> Result<RestrictionStatus, SandboxError> {
    let mut ruleset = Ruleset::default();
    if required {
        let asked = ruleset.set_compatibility(CompatLevel::HardRequirement);
        ruleset = asked.handle_access(AccessFs::from_all(REQUIRED)).map_err(SandboxError::NotGiven)?;
    }
    let ruleset = ruleset
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ASKED))?
        .scope(Scope::Signal)?;
    let mut created = ruleset
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, looking()))?
        .add_rules(path_beneath_rules(["/dev/null"], looking() | AccessFs::WriteFile))?;
    for (paths, access) in [(read, looking()), (written, keeping())] {
        for path in paths {
            let opened =
                PathFd::new(path).map_err(|source| SandboxError::Path { path: path.clone(), source })?;
            created = created.add_rule(PathBeneath::new(opened, access))?;
        }
    }
    Ok(created.restrict_self()?)
}

/// Truncating can be forbidden since then; without that, what may be read could be emptied.
const REQUIRED: ABI = ABI::V3;
const ASKED: ABI = ABI::V5;

/// What the C library looks into: names of hosts, libraries that it loads late, time zones, limits of the machine.
const SYSTEM: [&str; 10] = [
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/share/zoneinfo",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/proc/self",
    "/sys/fs/cgroup",
    "/dev/urandom",
];

fn looking() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

fn keeping() -> BitFlags<AccessFs> {
    let changing = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::MakeDir;
    looking() | changing | AccessFs::RemoveFile | AccessFs::RemoveDir | AccessFs::Refer
}

fn written(config: &Config) -> [PathBuf; 3] {
    [config.paths.data.clone(), config.paths.spool(), config.paths.keyring()]
}

fn read(config: &Config, file: &Path) -> Vec<PathBuf> {
    let mut read = named(config);
    read.extend([file.to_owned(), config.paths.keys.join("any")]);
    read.extend(crate::secrets::credentials().map(|folder| folder.join("any")));
    read
}

/// The files and folders that settings name and a reload reads.
fn named(config: &Config) -> Vec<PathBuf> {
    let mut named: Vec<_> = serve::sources(config).files().into_iter().collect();
    named.extend(config.policy.folders.iter().cloned());
    named
}

/// The folders that these lie in, and those that links to them lead to.
fn folders(paths: &[PathBuf]) -> Vec<PathBuf> {
    let lies_in = |path: &Path| {
        let folder = if path.is_dir() { Some(path) } else { path.parent() };
        let folder = folder.map(|of| if of.as_os_str().is_empty() { Path::new(".") } else { of });
        folder.and_then(|of| of.canonicalize().ok())
    };
    let real = paths.iter().filter_map(|path| path.canonicalize().ok());
    let mut found: Vec<_> = paths.iter().cloned().chain(real).filter_map(|path| lies_in(&path)).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;

    use super::*;

    /// What `look` sees in a thread that is bounded, which ends with it. None where the kernel bounds nothing.
    fn bounded<T: Send>(read: &Path, written: &Path, look: impl FnOnce() -> T + Send) -> Option<T> {
        std::thread::scope(|scope| {
            let within = scope.spawn(|| {
                let (read, written) = (folders(&[read.to_owned()]), [written.to_owned()]);
                let status = restrict(&read, &written, false).unwrap();
                (status.ruleset != RulesetStatus::NotEnforced).then(look)
            });
            within.join().unwrap()
        })
    }

    #[test]
    fn what_is_not_named_is_neither_read_nor_written_nor_started() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (certificates, data) = (ours.path().join("certificates"), ours.path().join("data"));
        for folder in [&certificates, &data] {
            fs::create_dir(folder).unwrap();
        }
        let (certificate, secret) = (certificates.join("tls.crt"), theirs.path().join("secret"));
        for file in [&certificate, &secret] {
            fs::write(file, "x").unwrap();
        }
        let seen = bounded(&certificate, &data, || {
            // A certificate is replaced as a mounted secret is: by another file of the same name.
            let kept = fs::write(data.join("new"), "x")
                .and_then(|()| fs::rename(data.join("new"), data.join("row")));
            let refused = [
                fs::read(&secret).map(drop),
                fs::write(&certificate, "y"),
                fs::write(theirs.path().join("more"), "y"),
                std::process::Command::new("/bin/true").status().map(drop),
            ];
            let refused = refused.map(|done| done.map_err(|error| error.kind()));
            (fs::read(&certificate).is_ok(), kept.is_ok(), refused)
        });
        match seen {
            Some(seen) => assert_eq!(seen, (true, true, [Err(ErrorKind::PermissionDenied); 4])),
            None => println!("skipped: this kernel has no Landlock"),
        }
    }

    #[test]
    fn a_link_lets_in_the_folder_that_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (live, archive) = (root.join("live"), root.join("archive"));
        for folder in [&live, &archive] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(archive.join("tls-1.crt"), "x").unwrap();
        std::os::unix::fs::symlink(archive.join("tls-1.crt"), live.join("tls.crt")).unwrap();
        assert_eq!(folders(&[live.join("tls.crt")]), [archive, live]);
    }
}
