//! A snapshot is imported once, and an import that did not end well is told.

use bakehouse_contract::settings::Snapshot;

use super::*;

fn bench(code: i32) -> Bench {
    Bench::with(|state| {
        state.prepares.insert(1, code);
        let settings = &mut state.contract.as_mut().unwrap().settings;
        settings.node.snapshot = Some(Snapshot {
            url: "file:///snapshot".into(),
            sha256: [0; 32],
            block: "BL".into(),
        });
    })
}

fn fetched(bench: &Bench) -> bool {
    bench.fake.state().effects.contains(&"fetch")
}

#[tokio::test(start_paused = true)]
async fn an_import_that_ended_well_is_marked_and_its_file_removed() {
    let first = bench(0);
    first.run(first.until_open()).await;
    assert!(fetched(&first));
    let marks = first.fake.state().marks.clone();
    assert_eq!(marks.len(), 1);
    let file = PathBuf::from("/var/lib/bakehouse/snapshot");
    assert_eq!(first.fake.state().removed, [file]);

    let second = bench(0);
    second.fake.state().marks = marks;
    second.run(second.until_open()).await;
    assert!(!fetched(&second));
}

#[tokio::test(start_paused = true)]
async fn an_import_that_did_not_end_well_leaves_no_mark_and_says_what_to_empty() {
    let bench = bench(1);
    let halt = bench.halt().await;
    assert_eq!(halt.code, Code::UnitFailed);
    let advice = "empty /var/lib/bakehouse/node before the next boot";
    assert!(halt.message.contains(advice), "{halt}");
    assert!(bench.fake.state().marks.is_empty() && bench.fake.state().removed.is_empty());
}
