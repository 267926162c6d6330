//! How the files of `src/` depend on each other, read from their `use` lines and paths.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each module, as `["sys", "wait"]`, with the modules that its file imports. Unit tests are left out.
fn imports() -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let mut texts = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut texts);
    let modules: BTreeSet<Vec<String>> = texts.keys().cloned().collect();
    texts.iter().map(|(module, text)| (module.clone(), imported(&modules, module, text))).collect()
}

fn read(folder: &Path, module: &[String], texts: &mut BTreeMap<Vec<String>, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module = [module, &[name]].concat();
        if path.is_dir() {
            read(&path, &module, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            texts.insert(module, lines.collect::<Vec<_>>().join("\n"));
        }
    }
}

fn imported(modules: &BTreeSet<Vec<String>>, module: &[String], text: &str) -> BTreeSet<Vec<String>> {
    let mut paths = Vec::new();
    for statement in text.split(';') {
        match statement.rsplit_once("use ") {
            Some((before, tree)) if before.is_empty() || before.ends_with(['\n', ' ', '}']) => {
                expand("", tree, &mut paths)
            }
            _ => {}
        }
    }
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    paths.extend(text.split(|letter| !is_part(letter)).filter(|path| path.contains("::")).map(str::to_owned));
    let found = paths.iter().filter_map(|path| resolve(modules, module, path));
    found.filter(|other| other != module).collect()
}

/// The paths of a `use` tree.
fn expand(before: &str, tree: &str, paths: &mut Vec<String>) {
    let Some((start, group)) = tree.split_once('{') else {
        paths.push(format!("{before}{}", tree.trim()));
        return;
    };
    let before = format!("{before}{}", start.trim());
    let mut depth = 0;
    let parts = group.rsplit_once('}').unwrap().0.split(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    parts.for_each(|part| expand(&before, part, paths));
}

/// The module whose file a path leads to.
fn resolve(modules: &BTreeSet<Vec<String>>, module: &[String], path: &str) -> Option<Vec<String>> {
    let mut found = module.to_vec();
    let mut names = path.split("::").peekable();
    match names.peek()? {
        &"crate" => found = Vec::new(),
        &"self" | &"super" => {}
        // A child of this module, or another crate.
        name if !modules.contains(&[module, &[(*name).to_owned()]].concat()) => return None,
        _ => {}
    }
    for name in names {
        let below = [&found[..], &[name.to_owned()]].concat();
        match name {
            "crate" | "self" => {}
            "super" => drop(found.pop()),
            _ if modules.contains(&below) => found = below,
            _ => break,
        }
    }
    modules.contains(&found).then_some(found)
}

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn no_two_files_import_each_other() {
    let imports = imports();
    assert!(imports[&names(&["init"])].contains(&names(&["sys", "signals"])), "{:?}", imports[&names(&["init"])]);
    for (module, imported) in &imports {
        for other in imported {
            assert!(!imports[other].contains(module), "{module:?} and {other:?} import each other");
        }
    }
}

#[test]
fn decisions_make_no_system_call() {
    let pure = ["lifecycle", "jobs", "signal", "status", "stop_sequence", "duration"].map(|name| names(&[name]));
    let of_drain = ["facts", "history", "rules"].map(|name| names(&["drain", name]));
    let imports = imports();
    for module in pure.iter().chain(&of_drain) {
        let below =
            imports.iter().filter(|(name, _)| name.starts_with(module) && !name.ends_with(&names(&["terminal"])));
        for (name, imported) in below {
            let kernel = imported.iter().find(|other| other[0] == "sys");
            assert_eq!(kernel, None, "{name:?}");
        }
    }
}
