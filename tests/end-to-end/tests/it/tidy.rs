//! Rules of the repository that no compiler knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Which crate of ours may depend on which: the house of `src/clearance/docs/architecture.md`.
const EDGES: [(&str, &[&str]); 22] = [
    ("clearance", &["ledger", "minimise"]),
    ("ledger", &[]),
    ("minimise", &[]),
    ("store", &["clearance", "ledger"]),
    ("identity", &[]),
    ("x-road", &["clearance", "x-road-soap"]),
    ("x-road-soap", &[]),
    ("transport-administration", &["clearance", "x-road"]),
    ("employer", &["clearance"]),
    ("image-bank", &["clearance"]),
    ("image-bank-sandbox", &["stand-in"]),
    ("patient-portal", &["clearance", "x-road"]),
    ("prescription-centre", &["clearance", "x-road"]),
    ("prescription-centre-sandbox", &["stand-in"]),
    ("health-insurance-fund", &["clearance", "x-road"]),
    ("stand-in", &[]),
    ("transport-administration-sandbox", &["stand-in"]),
    ("employer-sandbox", &["stand-in"]),
    ("health-insurance-fund-sandbox", &["stand-in"]),
    ("patient-portal-sandbox", &["stand-in"]),
    (
        "gateway",
        &[
            "clearance",
            "ledger",
            "store",
            "identity",
            "x-road",
            "transport-administration",
            "transport-administration-sandbox",
            "employer",
            "employer-sandbox",
            "image-bank",
            "image-bank-sandbox",
            "patient-portal",
            "patient-portal-sandbox",
            "prescription-centre",
            "prescription-centre-sandbox",
            "health-insurance-fund",
            "health-insurance-fund-sandbox",
        ],
    ),
    ("end-to-end", &["*"]),
];

#[test]
fn no_crate_depends_on_one_it_must_not_know() {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let allowed = BTreeMap::from(EDGES);
    let ours: BTreeSet<_> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    for package in &metadata.packages {
        let allowed = allowed.get(package.name.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("`{}` is not in the list of edges", package.name));
        for dependency in package.dependencies.iter().filter(|of| ours.contains(of.name.as_str())) {
            // A crate's tests may use its own stand-in's helpers; what ships may not.
            let ships = dependency.kind != DependencyKind::Development;
            let known = allowed.contains(&"*") || allowed.contains(&dependency.name.as_str());
            assert!(known || !ships, "`{}` must not depend on `{}`", package.name, dependency.name);
        }
    }
}

#[test]
fn every_metric_is_documented_and_every_documented_metric_exists() {
    let code = read("src/gateway/src/telemetry/metrics.rs");
    let code = code.split("#[cfg(test)]").next().unwrap();
    let table = code.split("pub(crate) const ALL").nth(1).and_then(|rest| rest.split("];").next()).unwrap();
    let named = |text: &&str| text.starts_with("clearance_") || text.starts_with("http_server_");
    let in_code: BTreeSet<_> = table.split('"').filter(named).collect();
    let page = read("deploy/metrics.md");
    let in_page: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .filter(|name| name.contains('_') && !name.contains('.'))
        .collect();
    assert_eq!(in_code, in_page);
    // What the code counts is in the table too.
    let counted = code.split('"').filter(|text| text.starts_with("clearance_") && !text.contains(' '));
    for name in counted {
        assert!(in_code.contains(name), "`{name}` is not in the table of metrics");
    }
}

#[test]
fn every_setting_is_explained_where_its_default_stands() {
    for line in read("deploy/clearance.toml").lines() {
        let setting = line.split_once(" = ").is_some_and(|(name, _)| !name.starts_with('#'));
        let obvious = [
            "listen",
            "certificate",
            "key",
            "client_ca",
            "retry_first_ms",
            "retry_factor",
            "retry_max_seconds",
        ];
        let name = line.split(" = ").next().unwrap_or_default();
        let limit = name.ends_with("_max")
            || name.contains("_per_second")
            || name.ends_with("_burst")
            || name.ends_with("_ms")
            || name.ends_with("_seconds");
        if setting && !obvious.contains(&name) && !limit {
            assert!(line.contains(" # "), "no comment: {line}");
        }
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for file in documents(&root()) {
        let text = std::fs::read_to_string(&file).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("crate::") || path.contains("::") {
                continue;
            }
            if !file.parent().unwrap().join(path).exists() {
                broken.push(format!("{}: {target}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_test_that_the_page_of_threats_names_is_there() {
    let page = read("src/identity/docs/threats.md");
    let code: String = sources(&root()).iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let quoted = page.split('`').skip(1).step_by(2);
    let named: Vec<_> =
        quoted.filter(|of| of.matches('_').count() > 2 && !of.contains(['.', '/', ':'])).collect();
    let missing: Vec<_> = named.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(named.len() > 40 && missing.is_empty(), "{} named, missing: {missing:?}", named.len());
}

#[test]
fn the_visible_top_level_is_what_was_promised() {
    let output = std::process::Command::new("git").args(["ls-files"]).current_dir(root()).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let top: BTreeSet<_> =
        listed.lines().filter_map(|line| line.split('/').next()).filter(|of| !of.starts_with('.')).collect();
    let promised = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "LICENSE",
        "src",
        "adapters",
        "certs-example",
        "tests",
        "deploy",
    ];
    assert!(top.iter().all(|name| promised.contains(name)), "{top:?}");
}

#[test]
fn nothing_in_the_heart_asks_the_machine_for_time_or_prints() {
    for file in sources(&root().join("src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.display().to_string();
        if !name.ends_with("clearance/src/clock.rs") {
            assert!(!text.contains("Timestamp::now()"), "{name}");
        }
        // A URL may hold an identifier: whoever logs an error of a call takes the URL out first.
        assert!(!text.contains("tracing::") || !text.contains("error.url()"), "{name}");
    }
}

#[test]
fn the_floors_of_known_advisories_are_kept() {
    let lock = read("Cargo.lock");
    // RUSTSEC advisories cannot be fetched here, so that the floors are kept by hand.
    for (name, floor) in [("rustls", (0, 23, 45)), ("rustls-webpki", (0, 103, 13)), ("h2", (0, 4, 16))] {
        let marker = format!("name = \"{name}\"\nversion = \"");
        for version in lock.split(&marker).skip(1).filter_map(|rest| rest.split('"').next()) {
            let parts: Vec<u32> =
                version.split(['.', '-', '+']).filter_map(|part| part.parse().ok()).collect();
            assert!((parts[0], parts[1], parts[2]) >= floor, "{name} {version}");
        }
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

pub(crate) fn documents(folder: &Path) -> Vec<PathBuf> {
    walk(folder, "md")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    walk(folder, "rs")
}

fn walk(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(walk(&path, extension));
        } else if path.extension().is_some_and(|of| of == extension) {
            found.push(path);
        }
    }
    found
}
