//! Tables in the documentation of tests, of which test shows what.

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

/// Asserts that the table in a file has so many rows, counted after a letter, and that each names tests that exist.
pub(crate) fn assert_true(file: &str, letter: &str, rows: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("tests/it"), &mut text);
    sources(&root.join("src"), &mut text);
    let table = fs::read_to_string(root.join(file)).unwrap();
    let start = format!("//! | {letter}");
    let found: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with(&start))
        .collect();
    for (number, row) in (1..=rows).zip(&found) {
        assert!(row.starts_with(&format!("{start}{number} | ")), "{row}");
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
            assert!(exists, "{letter}{number}: {name}");
            count += 1;
        }
        assert!(count > 0, "{letter}{number}");
    }
    assert_eq!(found.len(), rows);
}
