use super::*;

#[test]
fn codes_are_unique_and_snake_case() {
    let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    assert!(
        names
            .iter()
            .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    );
}

#[test]
fn a_message_names_the_place() {
    let place = Place {
        line: Some(7),
        column: Some(3),
        section: Some("env"),
        ..Place::path("env.bakehouse.state")
    };
    let error = ContractError::new(Code::KeyMissing, place, "the key `path` is missing");
    assert_eq!(
        error.to_string(),
        "env.bakehouse.state (line 7, column 3 of the text of env): the key `path` is missing"
    );
}
