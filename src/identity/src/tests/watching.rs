//! Changes of files are noticed, however they come about.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::world::World;
use crate::{MaterialFiles, Notice, Part, Sources, Watch, WatchSettings};

/// Far longer than any notice takes, and never waited for when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A watch whose interval does not come to its aid.
fn watch(files: Vec<PathBuf>) -> (Watch, Receiver<Notice>) {
    let (tell, told) = channel();
    let settings =
        WatchSettings { quiet: Duration::from_millis(20), at_least_every: Duration::from_secs(3600) };
    let watch = Watch::start(
        move || files.iter().cloned().collect(),
        settings,
        move |notice| drop(tell.send(notice)),
    )
    .unwrap();
    // The notice at the start.
    changed(&told);
    (watch, told)
}

fn changed(told: &Receiver<Notice>) {
    let notice = told.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(notice, Notice::Changed), "{notice:?}");
}

#[test]
fn a_file_written_replaced_or_removed_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tls.crt");
    fs::write(&file, "one").unwrap();
    let (_watch, told) = watch(vec![file.clone()]);
    fs::write(&file, "two").unwrap();
    changed(&told);
    fs::write(folder.path().join("new"), "three").unwrap();
    changed(&told);
    fs::rename(folder.path().join("new"), &file).unwrap();
    changed(&told);
    fs::remove_file(&file).unwrap();
    changed(&told);
}

#[test]
fn a_file_in_a_folder_that_is_yet_to_come_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificates/tls.crt");
    let (_watch, told) = watch(vec![file.clone()]);
    fs::create_dir(folder.path().join("certificates")).unwrap();
    changed(&told);
    fs::write(&file, "one").unwrap();
    changed(&told);
}

#[test]
fn reading_is_no_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tls.crt");
    fs::write(&file, "one").unwrap();
    let (watch, told) = watch(vec![file.clone()]);
    for _ in 0..10 {
        fs::read(&file).unwrap();
    }
    // A change that is one ends the wait; had reading counted, it would have been told before.
    fs::write(&file, "two").unwrap();
    changed(&told);
    drop(watch);
    assert!(told.recv().is_err(), "nothing more was told");
}

#[test]
fn without_a_change_it_is_told_at_intervals() {
    let (tell, told) = channel();
    let settings =
        WatchSettings { quiet: Duration::from_millis(1), at_least_every: Duration::from_millis(5) };
    let tell = move |notice| drop(tell.send(notice));
    let _watch = Watch::start(Default::default, settings, tell).unwrap();
    changed(&told);
    for _ in 0..2 {
        let notice = told.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(notice, Notice::Interval), "{notice:?}");
    }
}

/// As Kubernetes mounts a secret: files are links through `..data`, which is swapped by a rename.
#[test]
fn a_swapped_symbolic_link_brings_the_new_certificate_into_force() {
    let world = World::new();
    let mount = world.path("mount");
    fs::create_dir(&mount).unwrap();
    let (old, new) = (World::new(), World::new());
    lay_out(&old.path("server"), &mount.join("..old"));
    lay_out(&new.path("server"), &mount.join("..new"));
    symlink("..old", mount.join("..data")).unwrap();
    for file in ["tls.crt", "tls.key", "ca.crt"] {
        symlink(Path::new("..data").join(file), mount.join(file)).unwrap();
    }
    let sources = Sources { server: MaterialFiles::in_folder(&mount), ..world.sources() };
    let reloader = Arc::new(world.reloader_of(sources.clone()));
    let (tell, told) = channel();
    let settings =
        WatchSettings { quiet: Duration::from_millis(20), at_least_every: Duration::from_secs(3600) };
    let (follower, now) = (Arc::clone(&reloader), world.now);
    let _watch = Watch::start(
        move || sources.files(),
        settings,
        move |notice| {
            assert!(matches!(notice, Notice::Changed), "{notice:?}");
            drop(tell.send(follower.reload(now).unwrap()));
        },
    )
    .unwrap();
    let at_the_start = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(at_the_start.parts, []);

    for (target, generation) in [("..new", 2), ("..old", 3)] {
        symlink(target, mount.join("..tmp")).unwrap();
        fs::rename(mount.join("..tmp"), mount.join("..data")).unwrap();
        let changed = told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(changed.parts, [Part::ServerCertificate]);
        assert_eq!(changed.generation, generation);
    }
}

/// `current` points to the release in force, as deployments do.
#[test]
fn a_link_among_the_folders_on_the_way_is_watched_too() {
    let folder = tempfile::tempdir().unwrap();
    for release in ["1", "2"] {
        fs::create_dir_all(folder.path().join("releases").join(release)).unwrap();
        fs::write(folder.path().join("releases").join(release).join("tls.crt"), release).unwrap();
    }
    let link = folder.path().join("current");
    symlink("releases/1", &link).unwrap();
    let (_watch, told) = watch(vec![link.join("tls.crt")]);
    symlink("releases/2", folder.path().join("next")).unwrap();
    changed(&told);
    fs::rename(folder.path().join("next"), &link).unwrap();
    changed(&told);
    // And the eyes have followed.
    fs::write(folder.path().join("releases/2/tls.crt"), "two and a half").unwrap();
    changed(&told);
}

fn lay_out(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in ["tls.crt", "tls.key", "ca.crt"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

#[test]
fn a_change_is_told_though_others_never_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (folder.path().join("tls.crt"), folder.path().join("another"));
    fs::write(&file, "one").unwrap();
    let (_watch, told) = watch(vec![file.clone()]);
    for restless in
        [|file: &Path, _: &Path| drop(fs::read(file)), |_: &Path, other: &Path| fs::write(other, "").unwrap()]
    {
        let stop = Arc::new(AtomicBool::new(false));
        let task = {
            let (stop, file, other) = (Arc::clone(&stop), file.clone(), other.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    restless(&file, &other);
                }
            })
        };
        fs::write(&file, "two").unwrap();
        changed(&told);
        stop.store(true, Ordering::Relaxed);
        task.join().unwrap();
    }
}
