//! What holds of every command's name and every PATH.

use super::*;

/// The paths are those of execvp(3), short or long, in order. What no file can be called (NAME_MAX, PATH_MAX) need not be
/// among them.
pub fn no_path_is_too_much(name: &CStr, path: Option<&[u8]>) {
    let name_bytes = name.to_bytes();
    let folders = path.unwrap_or(DEFAULT_PATH).split(|byte| *byte == b':');
    let wanted: Vec<Vec<u8>> = match name_bytes {
        [] => vec![],
        _ if name_bytes.contains(&b'/') => vec![name_bytes.to_vec()],
        _ => folders.map(|folder| [folder, if folder.is_empty() { b"" } else { b"/" }, name_bytes].concat()).collect(),
    };
    let possible =
        |path: &Vec<u8>| path.len() < LONGEST && path.split(|byte| *byte == b'/').all(|part| part.len() <= 255);
    let found = Candidates::new(name, path).to_vec().into_iter().map(CString::into_bytes);
    assert!(found.filter(possible).eq(wanted.into_iter().filter(possible)));
}
