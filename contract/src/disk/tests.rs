use proptest::prelude::*;

use super::*;

fn disk<'a>(user_data: &'a [u8], name: &'a HostName) -> Disk<'a> {
    Disk {
        user_data,
        host_name: name,
        vendor_data: b"",
        network_config: None,
    }
}

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

#[test]
fn host_names_are_those_of_rfc_1123() {
    assert_eq!(name("Baker-1.Example").to_string(), "baker-1.example");
    for bad in [
        "", "-a", "a-", "a_b", "a b", "a\n", "a..b", "a.", "10.0.0.1", "é", "a/b", "a: b",
    ] {
        assert_eq!(HostName::parse(bad), Err(DiskError::HostName), "{bad}");
    }
    assert!(HostName::parse(&"a".repeat(63)).is_ok());
    assert!(HostName::parse(&"a".repeat(64)).is_err());
}

#[test]
fn meta_data_is_text_in_yaml_too() {
    for (text, line) in [
        ("baker", "local-hostname: baker\n"),
        ("baker.example", "local-hostname: baker.example\n"),
        ("no", "local-hostname: \"no\"\n"),
        ("null", "local-hostname: \"null\"\n"),
        ("1e5", "local-hostname: \"1e5\"\n"),
        ("true", "local-hostname: \"true\"\n"),
    ] {
        assert_eq!(name(text).meta_data(), line);
    }
}

#[test]
fn the_same_inputs_are_the_same_bytes_and_whole_sectors() {
    let name = name("baker");
    let image = disk(b"contract", &name).to_iso().unwrap();
    assert_eq!(image, disk(b"contract", &name).to_iso().unwrap());
    // 16 of the system area, 3 descriptors, 4 path tables, 2 directories, 1 continuation, 3 files.
    assert_eq!(image.len(), 29 * SECTOR);
    assert_ne!(image, disk(b"contracT", &name).to_iso().unwrap());
    // The size that the descriptors tell is the size of the image.
    for at in [16 * SECTOR + 80, 17 * SECTOR + 80] {
        assert_eq!(image[at..at + 8], [29, 0, 0, 0, 0, 0, 0, 29]);
    }
}

/// Few readers look at the path tables, so they are looked at here: length, root directory, parent, name of the root.
#[test]
fn the_path_tables_lead_to_the_roots_in_both_orders() {
    let image = disk(b"contract", &name("baker")).to_iso().unwrap();
    for (descriptor, root) in [(16, 23), (17, 24)] {
        let at = |offset: usize| -> [u8; 4] {
            let from = descriptor * SECTOR + offset;
            image[from..from + 4].try_into().unwrap()
        };
        assert_eq!(at(132), [10, 0, 0, 0]);
        let little = usize::try_from(u32::from_le_bytes(at(140))).unwrap() * SECTOR;
        let big = usize::try_from(u32::from_be_bytes(at(148))).unwrap() * SECTOR;
        assert_eq!(
            image[little..little + 11],
            [1, 0, root, 0, 0, 0, 1, 0, 0, 0, 0]
        );
        assert_eq!(image[big..big + 11], [1, 0, 0, 0, 0, root, 0, 1, 0, 0, 0]);
    }
}

#[test]
fn no_record_outgrows_the_byte_of_its_length_nor_a_directory_its_sector() {
    let bytes = [7; 3000];
    let files = [
        File::new("network-config", "NETWORK_.;1", &bytes).unwrap(),
        File::new("network-config", "NETWORK_.;1", &bytes).unwrap(),
        File::new("network-config", "NETWORK_.;1", &bytes).unwrap(),
        File::new("network-config", "NETWORK_.;1", &bytes).unwrap(),
    ];
    let layout = Layout::of(&files);
    for directory in [
        record::root(&layout, &files),
        record::joliet_root(&layout, &files),
    ] {
        assert!(directory.len() <= SECTOR);
        let (mut at, mut records) = (0, 0);
        while at < directory.len() {
            at += usize::from(directory[at]);
            records += 1;
        }
        assert_eq!((at, records), (directory.len(), 6));
    }
    let continuation = record::continuation();
    assert_eq!(usize::from(continuation[2]), continuation.len());
    for volume in [descriptor::primary(&layout), descriptor::joliet(&layout)] {
        assert_eq!(volume.len(), 882);
    }
}

#[test]
fn files_have_a_limit() {
    let name = name("baker");
    let large = vec![b'a'; FILE_BYTES + 1];
    assert!(disk(&large[1..], &name).to_iso().is_ok());
    assert_eq!(
        disk(&large, &name).to_iso(),
        Err(DiskError::TooLarge("user-data"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(64)))]

    #[test]
    fn every_file_lies_where_both_directories_say(
        user_data in prop::collection::vec(any::<u8>(), 0..6000),
        vendor_data in prop::collection::vec(any::<u8>(), 0..6000),
        network_config in prop::option::of(prop::collection::vec(any::<u8>(), 0..6000)),
    ) {
        let name = name("baker");
        let image = Disk {
            user_data: &user_data,
            host_name: &name,
            vendor_data: &vendor_data,
            network_config: network_config.as_deref(),
        }
        .to_iso()
        .unwrap();
        let expected: Vec<&[u8]> = [
            Some(&b"local-hostname: baker\n"[..]),
            network_config.as_deref(),
            Some(&user_data),
            Some(&vendor_data),
        ]
        .into_iter()
        .flatten()
        .collect();
        for root in [23, 24] {
            prop_assert_eq!(&extents(&image, root), &expected);
        }
    }
}

/// What the records of a directory, but its own and its parent's, point at.
fn extents(image: &[u8], sector: usize) -> Vec<&[u8]> {
    let number = |at: usize| {
        let little = u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
        let big = u32::from_be_bytes(image[at + 4..at + 8].try_into().unwrap());
        assert_eq!(little, big);
        usize::try_from(little).unwrap()
    };
    let mut at = sector * SECTOR;
    let mut found = Vec::new();
    while image[at] != 0 {
        let start = number(at + 2) * SECTOR;
        found.push(&image[start..start + number(at + 10)]);
        at += usize::from(image[at]);
    }
    found.split_off(2)
}
