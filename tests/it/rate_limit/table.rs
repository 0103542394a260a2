//! The table of requirements is true as far as a test can tell: every requirement has tests, and they exist.

use std::{fs, path::Path};

/// Returns the text of all sources under a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_requirement_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("tests/it"), &mut text);
    sources(&root.join("src"), &mut text);
    let table = fs::read_to_string(root.join("tests/it/rate_limit.rs")).unwrap();
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("//! | R"))
        .collect();
    for (number, row) in (1..=28).zip(&rows) {
        assert!(row.starts_with(&format!("//! | R{number} | ")), "{row}");
        let tests = row.split(" | ").nth(3).unwrap();
        let names = tests
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| !name.contains('…'));
        let mut count = 0;
        for name in names {
            let last = name.rsplit("::").next().unwrap();
            let exists =
                text.contains(&format!("fn {last}(")) || text.contains(&format!("mod {last};"));
            assert!(exists, "R{number}: {name}");
            count += 1;
        }
        assert!(count > 0, "R{number}");
    }
    assert_eq!(rows.len(), 28);
}
