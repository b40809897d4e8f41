//! What the pages say exists: places that are linked to, commands that are to be typed, settings that are shown.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::BINARY;
use crate::tidy::{documents, root};

#[test]
fn links_lead_to_headings_that_are_there() {
    let mut broken = Vec::new();
    for file in documents(&root()) {
        for (target, place) in links(&file) {
            let page = if target.is_empty() { file.clone() } else { file.parent().unwrap().join(&target) };
            if page.extension().is_some_and(|of| of == "md") && !anchors(&page).contains(&place) {
                broken.push(format!("{}: {target}#{place}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The links with a place in them, of this repository.
fn links(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let placed = targets.filter(|target| !target.contains("://")).filter_map(|target| target.split_once('#'));
    placed.map(|(page, place)| (page.to_owned(), place.to_owned())).collect()
}

/// The anchors that headings get: small letters, digits, hyphens for spaces, nothing else.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(page).unwrap_or_default();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let kept = line.trim_start_matches('#').trim().chars().filter_map(|letter| match letter {
                ' ' => Some('-'),
                letter if letter.is_alphanumeric() || "-_".contains(letter) => {
                    Some(letter.to_ascii_lowercase())
                }
                _ => None,
            });
            kept.collect()
        })
        .collect()
}

#[test]
fn commands_that_pages_name_exist_with_their_options() {
    let mut wrong = Vec::new();
    let (mut seen, known) = (BTreeSet::new(), commands());
    assert!(known.contains("serve"), "{known:?}");
    for (file, line) in documents(&root()).iter().flat_map(|file| typed(file, &known)) {
        let words: Vec<_> = line.split_whitespace().collect();
        let named =
            words.iter().take_while(|word| word.bytes().all(|of| of.is_ascii_lowercase() || of == b'-'));
        let named: Vec<_> = named.take_while(|word| !word.starts_with('-')).copied().collect();
        let (help, depth) = help(&named);
        if depth == 0 {
            wrong.push(format!("{}: `clearance {line}` is no command", file.display()));
        }
        let options = words.iter().filter(|word| word.starts_with("--"));
        for option in options.filter_map(|word| word.split(['=', '`', ',']).next()) {
            let known =
                help.split(|of: char| of.is_whitespace() || ",[]<>=".contains(of)).any(|of| of == option);
            if !known {
                wrong.push(format!("{}: `clearance {line}`: no `{option}`", file.display()));
            }
        }
        seen.insert(line);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen.len() > 10, "the pages name commands: {seen:?}");
}

/// What follows `clearance ` in blocks and in backticks, up to the end of the command.
fn typed(file: &Path, known: &BTreeSet<String>) -> Vec<(PathBuf, String)> {
    let text = std::fs::read_to_string(file).unwrap();
    let starts = ["`clearance ", "\nclearance ", " -- ", "| clearance ", "sudo clearance ", "/clearance "];
    let commands = text.replace("\\\n", " ");
    let mut found = Vec::new();
    for start in starts {
        for rest in commands.split(start).skip(1) {
            let command = rest.split(['`', '\n', '|', ';', '#', '>', '<']).next().unwrap_or_default().trim();
            // Prose after `--`, a path that ends in the word, a template.
            let is_one = command.split_whitespace().next().is_some_and(|first| known.contains(first));
            // A label of a hash, such as `clearance parts v1`, is none.
            let is_label = command.ends_with(" v1");
            if is_one || (start == "`clearance " && !command.is_empty() && !is_label) {
                found.push((file.to_owned(), command.to_owned()));
            }
        }
    }
    found
}

/// The commands that there are, which tell a command from prose where no backtick does.
fn commands() -> BTreeSet<String> {
    let asked = Command::new(BINARY).arg("--help").output().unwrap();
    let help = String::from_utf8(asked.stdout).unwrap();
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    listed.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The help of the deepest command that these words name, and how many of them that took.
fn help(words: &[&str]) -> (String, usize) {
    for depth in (1..=words.len()).rev() {
        let asked = Command::new(BINARY).args(&words[..depth]).arg("--help").output().unwrap();
        if asked.status.success() {
            return (String::from_utf8(asked.stdout).unwrap(), depth);
        }
    }
    (String::new(), 0)
}

#[test]
fn settings_that_ship_are_settings() {
    let folder = tempfile::tempdir().unwrap();
    let debian = std::fs::read_to_string(root().join("deploy/debian/clearance.toml")).unwrap();
    let kubernetes = std::fs::read_to_string(root().join("deploy/kubernetes/settings.yaml")).unwrap();
    let (_, block) = kubernetes.split_once("clearance.toml: |\n").unwrap();
    for text in [debian, block.replace("\n    ", "\n").trim_start().to_owned()] {
        let file = folder.path().join("clearance.toml");
        std::fs::write(&file, text).unwrap();
        let checked = Command::new(BINARY).args(["config", "check"]).arg(&file).output().unwrap();
        let said = String::from_utf8(checked.stdout).unwrap() + &String::from_utf8(checked.stderr).unwrap();
        // The settings are read; what they name is not here.
        assert!(said.contains("is not usable"), "{said}");
        assert!(!said.contains("adapter") && !said.contains("destinations."), "{said}");
    }
}
