//! What holds of every command's name and every PATH.

use super::*;

/// The paths are those of execvp(3), short or long, in order. What no file can be called (NAME_MAX, PATH_MAX) need not be
/// among them.
pub fn paths_are_those_of_execvp(name: &CStr, path: Option<&[u8]>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::cases;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    /// Folders of all lengths, those around the two that matter before all.
    fn folder() -> impl Strategy<Value = Vec<u8>> {
        let letter = prop_oneof![Just(b'/'), Just(b'a'), 1..=255u8];
        let length = prop_oneof![4 => 0..9usize, 1 => SHORT - 5..SHORT + 5, 1 => LONGEST - 5..LONGEST + 5];
        (letter, length).prop_map(|(letter, length)| vec![letter; length])
    }

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn any_path_is_searched_as_execvp_does(name in folder(), path in option::of(vec(folder(), 0..5))) {
            let path = path.map(|folders| folders.join(&b':'));
            paths_are_those_of_execvp(&CString::new(name).unwrap(), path.as_deref());
        }
    }
}
