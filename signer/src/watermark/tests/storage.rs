//! The database on a real file system: what is found after a restart, and what is done with what can't be used.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;

use super::bench::*;
use crate::watermark::store::{FILE, Provenance};
use crate::watermark::{Refusal, StoreError, Watermark, WatermarkError};

fn open(dir: &Path) -> Watermark {
    Watermark::open(config(dir)).unwrap()
}

/// A folder with a store in which TZ3 has signed block 100/0 with signature 1.
async fn used() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let watermark = open(dir.path());
    watermark.arm(CHAIN, 0).await.unwrap();
    sign(&watermark, TZ3, block(100, 0, 0), 1).await.unwrap();
    dir
}

#[tokio::test]
async fn marks_and_signatures_survive_a_restart() {
    let dir = used().await;
    let watermark = open(dir.path());
    assert_eq!(watermark.provenance(), &Provenance::Found);
    assert!(matches!(
        sign(&watermark, TZ3, block(101, 0, 0), 2).await,
        Err(Refusal::Unarmed(_))
    ));
    watermark.arm(CHAIN, 50).await.unwrap();
    assert_eq!(
        sign(&watermark, TZ3, block(100, 0, 0), 2).await,
        Ok(signature(TZ3, 1))
    );
    assert!(sign(&watermark, TZ3, block(100, 0, 1), 2).await.is_err());
    assert!(sign(&watermark, TZ3, block(99, 0, 0), 2).await.is_err());
    assert!(sign(&watermark, TZ3, block(101, 0, 0), 2).await.is_ok());
}

#[tokio::test]
async fn missing_state_is_not_fresh_state() {
    let dir = used().await;
    fs::remove_dir_all(dir.path()).unwrap();
    fs::create_dir(dir.path()).unwrap();
    let watermark = open(dir.path());
    assert_eq!(watermark.provenance(), &Provenance::Created);
    assert!(matches!(
        sign(&watermark, TZ3, block(100, 0, 1), 2).await,
        Err(Refusal::Unarmed(_))
    ));
    // The chain's head is 99: the block of level 100 was never seen by the node, but it was signed.
    watermark.arm(CHAIN, 99).await.unwrap();
    for level in [99, 100, 101] {
        assert!(
            sign(&watermark, TZ3, block(level, 0, 1), 2).await.is_err(),
            "level {level}"
        );
    }
    assert!(sign(&watermark, TZ3, block(102, 0, 0), 2).await.is_ok());
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    for _ in 0..2 {
        assert!(matches!(
            Watermark::open(config(dir.path())),
            Err(WatermarkError::Locked { .. })
        ));
    }
    drop(first);
    drop(open(dir.path()));
}

#[tokio::test]
async fn the_files_as_they_are_when_a_mark_is_durable_hold_it() {
    let dir = used().await;
    let watermark = open(dir.path());
    watermark.arm(CHAIN, 50).await.unwrap();
    let image = tempfile::tempdir().unwrap();
    for level in 101..120 {
        lose(&watermark, TZ3, block(level, 0, 0)).await;
        for name in [FILE.to_owned(), format!("{FILE}-wal")] {
            let from = dir.path().join(&name);
            if from.exists() {
                fs::copy(from, image.path().join(&name)).unwrap();
            }
        }
        let after = open(image.path());
        assert_eq!(after.provenance(), &Provenance::Found);
        after.arm(CHAIN, 0).await.unwrap();
        let lost = sign(&after, TZ3, block(level, 0, 0), 2).await;
        assert!(matches!(lost, Err(Refusal::SignatureLost(_))), "{lost:?}");
    }
}

/// Opens what was made of a used store; it must be unarmed, keep the old file, and sign nothing at or below the head's margin.
async fn replaced(dir: &Path) -> String {
    let watermark = open(dir);
    let Provenance::Replaced { kept, reason } = watermark.provenance().clone() else {
        panic!("{:?}", watermark.provenance())
    };
    assert!(kept.exists());
    assert!(matches!(
        sign(&watermark, TZ3, block(900, 0, 0), 2).await,
        Err(Refusal::Unarmed(_))
    ));
    watermark.arm(CHAIN, 99).await.unwrap();
    assert!(sign(&watermark, TZ3, block(100, 0, 1), 2).await.is_err());
    assert!(sign(&watermark, TZ3, block(102, 0, 1), 2).await.is_ok());
    reason
}

#[tokio::test]
async fn an_empty_file_is_kept_aside() {
    let dir = used().await;
    fs::write(dir.path().join(FILE), b"").unwrap();
    replaced(dir.path()).await;
}

#[tokio::test]
async fn text_is_kept_aside_each_time_under_another_name() {
    let dir = used().await;
    for number in 1..4 {
        let text = format!("not a database {number}").repeat(100);
        fs::write(dir.path().join(FILE), &text).unwrap();
        replaced(dir.path()).await;
        let kept = dir.path().join(format!("{FILE}.unusable-{number}"));
        assert_eq!(fs::read_to_string(kept).unwrap(), text);
    }
}

#[tokio::test]
async fn a_database_of_someone_else_is_kept_aside() {
    let dir = used().await;
    fs::remove_file(dir.path().join(FILE)).unwrap();
    let other = Connection::open(dir.path().join(FILE)).unwrap();
    other.execute_batch("CREATE TABLE mark (a)").unwrap();
    drop(other);
    let reason = replaced(dir.path()).await;
    assert_eq!(reason, "not a watermark of this signer");
}

#[tokio::test]
async fn marks_survive_a_rotation_of_keys_or_chains_there_and_back() {
    let dir = used().await;
    let mut other_key = config(dir.path());
    other_key.keys.truncate(1);
    other_key.keys[0].key = key("tz1b9kV41KV9N3sp69ycLdSoZ2Ak8jXwtNPv");
    let mut other_chain = config(dir.path());
    other_chain.chains = vec![OTHER_CHAIN];
    for (between, chain) in [(other_key, CHAIN), (other_chain, OTHER_CHAIN)] {
        let watermark = Watermark::open(between.clone()).unwrap();
        assert_eq!(watermark.provenance(), &Provenance::Found);
        assert!(!watermark.armed());
        watermark.arm(chain, 0).await.unwrap();
        let foreign = |view: &crate::watermark::MarkView| view.height.level > 2;
        assert!(!watermark.marks().iter().any(foreign), "marks of others");
        drop(watermark);

        let watermark = open(dir.path());
        assert_eq!(watermark.provenance(), &Provenance::Found);
        watermark.arm(CHAIN, 0).await.unwrap();
        let again = sign(&watermark, TZ3, block(100, 0, 0), 2).await;
        assert_eq!(again, Ok(signature(TZ3, 1)));
        assert!(sign(&watermark, TZ3, block(100, 0, 1), 2).await.is_err());
        assert!(sign(&watermark, TZ3, block(99, 0, 0), 2).await.is_err());
    }
}

#[tokio::test]
async fn a_key_more_or_less_keeps_the_marks_of_the_others() {
    let dir = used().await;
    let mut fewer = config(dir.path());
    fewer.keys.retain(|floor| floor.key == key(TZ3));
    let mut more = config(dir.path());
    more.keys.push(crate::watermark::KeyFloor {
        key: key("tz1b9kV41KV9N3sp69ycLdSoZ2Ak8jXwtNPv"),
        floor: 0,
    });
    for config in [fewer, more] {
        let watermark = Watermark::open(config).unwrap();
        assert_eq!(watermark.provenance(), &Provenance::Found);
        watermark.arm(CHAIN, 0).await.unwrap();
        assert_eq!(
            sign(&watermark, TZ3, block(100, 0, 0), 2).await,
            Ok(signature(TZ3, 1))
        );
    }
}

#[tokio::test]
async fn a_newer_schema_is_an_error_and_left_alone() {
    let dir = used().await;
    let database = Connection::open(dir.path().join(FILE)).unwrap();
    database.pragma_update(None, "user_version", 2).unwrap();
    drop(database);
    let error = Watermark::open(config(dir.path())).unwrap_err();
    assert!(matches!(
        error,
        WatermarkError::Store(StoreError::TooNew(2))
    ));
    assert!(dir.path().join(FILE).exists());
}

#[tokio::test]
async fn a_store_whose_guards_were_removed_is_kept_aside() {
    let dir = used().await;
    let database = Connection::open(dir.path().join(FILE)).unwrap();
    database
        .execute_batch("DROP TRIGGER mark_is_never_lowered")
        .unwrap();
    drop(database);
    assert_eq!(
        replaced(dir.path()).await,
        "the tables are not those of this version"
    );
}

#[tokio::test]
async fn a_store_whose_schema_is_no_text_is_kept_aside() {
    let dir = used().await;
    let path = dir.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    let text = b"CREATE TRIGGER";
    let at = bytes
        .windows(text.len())
        .position(|window| window == text)
        .unwrap();
    bytes[at + text.len() + 5] = 0x80;
    fs::write(&path, bytes).unwrap();
    replaced(dir.path()).await;
}

#[tokio::test]
async fn a_store_that_another_process_holds_is_an_error_and_left_alone() {
    let dir = used().await;
    let before = fs::read(dir.path().join(FILE)).unwrap();
    let other = Connection::open(dir.path().join(FILE)).unwrap();
    other
        .pragma_update(None, "locking_mode", "EXCLUSIVE")
        .unwrap();
    other.execute("UPDATE meta SET value = value", []).unwrap();
    let error = Watermark::open(config(dir.path())).unwrap_err();
    assert!(
        matches!(error, WatermarkError::Store(StoreError::Sqlite(_))),
        "{error}"
    );
    drop(other);
    assert_eq!(fs::read(dir.path().join(FILE)).unwrap().len(), before.len());
    assert_eq!(open(dir.path()).provenance(), &Provenance::Found);
}

#[tokio::test]
async fn the_database_itself_refuses_to_lower_change_move_or_delete_a_mark() {
    let dir = used().await;
    let database = Connection::open(dir.path().join(FILE)).unwrap();
    for statement in [
        "UPDATE mark SET level = level - 1",
        "UPDATE mark SET level = 0, round = 2147483647 WHERE digest IS NOT NULL",
        "UPDATE mark SET digest = zeroblob(32) WHERE digest IS NOT NULL",
        "UPDATE mark SET digest = NULL, signature = NULL WHERE digest IS NOT NULL",
        "UPDATE mark SET signature = zeroblob(64) WHERE digest IS NOT NULL",
        "UPDATE mark SET class = 18 WHERE class = 17 AND digest IS NOT NULL",
        "DELETE FROM mark",
        "INSERT INTO mark VALUES (x'01020304', zeroblob(21), 99, 1, 1, NULL, NULL)",
        "UPDATE mark SET level = -1",
        "UPDATE mark SET level = 'high'",
    ] {
        assert!(database.execute(statement, []).is_err(), "{statement}");
    }
}

#[tokio::test]
async fn the_database_is_locked_for_us_alone() {
    let dir = used().await;
    let watermark = open(dir.path());
    let other = Connection::open(dir.path().join(FILE)).unwrap();
    other.busy_timeout(std::time::Duration::ZERO).unwrap();
    let result = other.query_row("SELECT count(*) FROM mark", [], |row| row.get::<_, i64>(0));
    assert!(result.is_err(), "another process can't even read");
    drop((other, watermark));
    let (_store, marks) = sqlite(dir.path());
    assert_eq!(marks.len(), 9);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = Watermark::open(config(&dir.path().join("none"))).unwrap_err();
    assert!(matches!(error, WatermarkError::Io { .. }));
}

#[test]
fn without_chains_or_keys_or_with_a_key_twice_it_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut none = config(dir.path());
    none.chains.clear();
    assert!(matches!(
        Watermark::open(none),
        Err(WatermarkError::Nothing)
    ));
    let mut none = config(dir.path());
    none.keys.clear();
    assert!(matches!(
        Watermark::open(none),
        Err(WatermarkError::Nothing)
    ));
    let mut twice = config(dir.path());
    twice.keys.extend(twice.keys.clone());
    assert!(matches!(
        Watermark::open(twice),
        Err(WatermarkError::TwiceTheKey)
    ));
}

/// Opens a damaged store: found, replaced or a typed error, and never armed.
fn opens_unarmed(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), bytes).unwrap();
    let watermark = Watermark::open(config(dir.path())).unwrap();
    assert!(!watermark.armed());
    assert_ne!(
        watermark.provenance(),
        &Provenance::Created,
        "there was a file"
    );
}

fn whole() -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let dir = runtime.block_on(used());
    fs::read(dir.path().join(FILE)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_store_that_is_cut_short_never_counts_as_a_fresh_start(at in any::<prop::sample::Index>()) {
        let bytes = whole();
        opens_unarmed(&bytes[..at.index(bytes.len())]);
    }

    #[test]
    fn a_store_with_wrong_bytes_never_counts_as_a_fresh_start(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = whole();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        // A number that makes the schema newer is a typed error, not damage.
        prop_assume!(bytes[60..64] == [0, 0, 0, 1]);
        opens_unarmed(&bytes);
    }
}
