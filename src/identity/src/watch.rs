//! Notices that files have changed, however they were changed: written in place, replaced by
//! another, or reached through a symbolic link that now points elsewhere, as Kubernetes swaps a
//! mounted secret.
//!
//! It says that something may have changed, not what: the one who is told reads all files again,
//! and finds out. What the kernel does not report (network file systems, a missed event) is covered
//! by telling at regular intervals anyway.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// When to tell.
#[derive(Debug, Clone, Copy)]
pub struct WatchSettings {
    /// After this long without a further change, because certificate and key are two files; after eight times as long in any
    /// case.
    pub quiet: Duration,
    /// Without any change seen, after this long at the latest.
    pub at_least_every: Duration,
}

impl Default for WatchSettings {
    /// A quarter of a second, and a minute.
    fn default() -> Self {
        Self { quiet: Duration::from_millis(250), at_least_every: Duration::from_secs(60) }
    }
}

/// A change is told after this many times the quiet, though others go on.
const QUIETS_MAX: u32 = 8;

/// What the watcher has to tell.
#[derive(Debug)]
pub enum Notice {
    /// Files may have changed.
    Changed,
    /// The interval is over.
    Interval,
    /// A folder cannot be watched at present; the intervals go on.
    Blind(WatchError),
}

/// Watching failed.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The operating system gives no notifications.
    #[error("changes of files cannot be watched")]
    Unavailable(#[source] notify::Error),
    /// One folder cannot be watched.
    #[error("the folder `{}` cannot be watched", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        error: notify::Error,
    },
    /// The thread could not be started.
    #[error("no thread for watching files could be started")]
    Thread(#[source] std::io::Error),
}

/// A running watch. Dropping it ends it, and waits for the call under way.
#[derive(Debug)]
pub struct Watch {
    stop: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

enum Signal {
    Seen(notify::Result<Event>),
    Stop,
}

impl Watch {
    /// Watches the files that `files` names, and calls `tell` on a thread of its own: once at the
    /// start, because they may have changed since they were read, and then whenever there is
    /// something to tell. `files` is asked again after each notice, because a changed configuration
    /// may name others.
    ///
    /// # Errors
    ///
    /// When the operating system gives no notifications, or no thread. A folder that cannot be
    /// watched is no error here but a [`Notice::Blind`].
    pub fn start(
        files: impl Fn() -> BTreeSet<PathBuf> + Send + 'static,
        settings: WatchSettings,
        tell: impl Fn(Notice) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let (stop, signals) = channel();
        let seen = stop.clone();
        let watcher = notify::recommended_watcher(move |event| {
            // The receiver is gone only while the watch is being dropped.
            let _ = seen.send(Signal::Seen(event));
        })
        .map_err(WatchError::Unavailable)?;
        let eyes = Eyes { watcher, folders: BTreeSet::new() };
        let thread = Builder::new()
            .name("certificate-watch".to_owned())
            .spawn(move || keep_watching(eyes, &signals, &files, settings, &tell))
            .map_err(WatchError::Thread)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Either fails only when the thread has already ended.
        let _ = self.stop.send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep_watching(
    mut eyes: Eyes,
    signals: &Receiver<Signal>,
    files: &impl Fn() -> BTreeSet<PathBuf>,
    settings: WatchSettings,
    tell: &impl Fn(Notice),
) {
    let mut notice = Notice::Changed;
    let mut watched = files();
    loop {
        // First the eyes, then the news: what changes from here on is seen, and what changed
        // before is read by whoever is told.
        for error in eyes.turn_to(&watched) {
            tell(Notice::Blind(error));
        }
        tell(notice);
        let named = files();
        notice = if named == watched {
            match next_notice(signals, settings) {
                Some(notice) => notice,
                None => return,
            }
        } else {
            watched = named;
            Notice::Changed
        };
    }
}

/// Waits for a change and then for quiet; nothing when the watch is to end.
fn next_notice(signals: &Receiver<Signal>, settings: WatchSettings) -> Option<Notice> {
    let mut until = Instant::now() + settings.at_least_every;
    // Where something else in a folder never rests, there is never quiet.
    let mut at_the_latest = None;
    loop {
        match signals.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Signal::Seen(event)) if is_change(&event) => {
                let now = Instant::now();
                let latest = *at_the_latest.get_or_insert(now + QUIETS_MAX * settings.quiet);
                until = latest.min(now + settings.quiet);
            }
            // Whoever reads changes nothing, and holds up no one who has.
            Ok(Signal::Seen(_)) => {}
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if at_the_latest.is_some() => return Some(Notice::Changed),
            Err(RecvTimeoutError::Timeout) => return Some(Notice::Interval),
        }
    }
}

/// Opening and reading are reported too, ours among them: to take these for changes would be to
/// chase one's own tail. An error may have swallowed a change.
fn is_change(event: &notify::Result<Event>) -> bool {
    !matches!(event, Ok(Event { kind: EventKind::Access(access), .. })
        if !matches!(access, notify::event::AccessKind::Close(notify::event::AccessMode::Write)))
}

struct Eyes {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
}

impl Eyes {
    /// Watches the folders through which these files are reached now, and no others. All are
    /// registered anew: a folder that was replaced keeps its path and loses its watch.
    fn turn_to(&mut self, files: &BTreeSet<PathBuf>) -> Vec<WatchError> {
        for folder in std::mem::take(&mut self.folders) {
            // A folder that is gone took its watch along.
            let _ = self.watcher.unwatch(&folder);
        }
        let mut blind = Vec::new();
        for folder in files.iter().flat_map(|file| folders_on_the_way(file)).collect::<BTreeSet<_>>() {
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder);
                }
                Err(error) => blind.push(WatchError::Folder { folder, error }),
            }
        }
        blind
    }
}

/// The folders in which a change may lead to another file: the file's own, and those that hold a
/// symbolic link on the way to it.
fn folders_on_the_way(file: &Path) -> BTreeSet<PathBuf> {
    /// As many as Linux follows.
    const LINKS_MAX: usize = 40;
    let mut folders = BTreeSet::new();
    let mut path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    for _ in 0..LINKS_MAX {
        if let Some(parent) = path.parent() {
            folders.insert(parent.to_owned());
        }
        let Some(followed) = follow_first_link(&path, &mut folders) else {
            break;
        };
        path = followed;
    }
    // Until a missing folder appears, its nearest existing ancestor is where it will.
    folders
        .iter()
        .filter_map(|folder| folder.ancestors().find(|ancestor| ancestor.is_dir()))
        .map(Path::to_path_buf)
        .collect()
}

/// The path with its first symbolic link replaced by what it points to; the folder that holds the
/// link is added.
fn follow_first_link(path: &Path, folders: &mut BTreeSet<PathBuf>) -> Option<PathBuf> {
    let mut walked = PathBuf::new();
    let mut components = path.components();
    while let Some(component) = components.next() {
        if component == Component::ParentDir {
            walked.pop();
            continue;
        }
        let folder = walked.clone();
        walked.push(component);
        if let Ok(target) = std::fs::read_link(&walked) {
            let followed = folder.join(target).join(components.as_path());
            folders.insert(folder);
            return Some(followed);
        }
    }
    None
}
