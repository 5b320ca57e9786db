use tokio::io::AsyncWriteExt;

use super::*;

fn logs() -> Logs {
    Logs::new(
        vec!["node".to_owned()],
        Redactor::default(),
        Journal::none(),
    )
}

fn console() -> Console {
    Console::memory(Arc::new(|| std::time::SystemTime::UNIX_EPOCH))
}

fn empty() -> Pipe {
    Box::new(tokio::io::empty())
}

#[tokio::test]
async fn log_line_over_64k_does_not_stall_child() {
    let logs = logs();
    let (mut child, pipe) = tokio::io::duplex(4096);
    let capture = logs.capture(0, Box::new(pipe), empty());
    let print = async {
        child.write_all(&vec![b'x'; 200_000]).await.unwrap();
        child.write_all(b"\nand on\n").await.unwrap();
        drop(child);
    };
    tokio::join!(capture, print);
    let lines = logs.tail(0, 10);
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[4].text, "and on");
    assert!(lines.iter().all(|line| line.text.len() <= LINE_LIMIT));
}

#[tokio::test]
async fn stderr_is_drained_after_stdout_eof() {
    let logs = logs();
    let (mut child, pipe) = tokio::io::duplex(64);
    let capture = logs.capture(0, empty(), Box::new(pipe));
    let print = async {
        tokio::task::yield_now().await;
        child
            .write_all(&[b"last words of a long life, written late\n".as_slice(); 50].concat())
            .await
            .unwrap();
        drop(child);
    };
    tokio::join!(capture, print);
    assert_eq!(logs.tail(0, 100).len(), 50);
    assert_eq!(logs.tail(0, 1)[0].stream, "stderr");
}

#[tokio::test]
async fn the_ring_is_bounded_and_counts_what_it_forgets() {
    let logs = logs();
    let text = "line\n".repeat(1500);
    logs.capture(0, Box::new(std::io::Cursor::new(text)), empty())
        .await;
    assert_eq!((logs.tail(0, 5000).len(), logs.dropped()), (1000, 500));
}

#[tokio::test]
async fn the_last_five_lines_of_this_run_go_to_the_console() {
    let (logs, console) = (logs(), console());
    logs.capture(0, Box::new(std::io::Cursor::new("old 1\nold 2\n")), empty())
        .await;
    let text = "new 0\nnew 1\nnew 2\nnew 3\nnew 4\nnew 5\nnew 6\n";
    logs.capture(0, Box::new(std::io::Cursor::new(text)), empty())
        .await;
    logs.last_words(0, console.clone()).await;
    let said: Vec<_> = console
        .events()
        .into_iter()
        .map(|(_, event)| event)
        .collect();
    assert_eq!(said.len(), 5);
    let Event::UnitLog { unit, stream, line } = &said[0] else {
        panic!("{said:?}")
    };
    assert_eq!(
        (unit.as_str(), *stream, line.as_str()),
        ("node", "stdout", "new 2")
    );
}

#[tokio::test(start_paused = true)]
async fn a_grandchild_that_keeps_the_pipe_open_is_not_waited_for() {
    let (logs, console) = (logs(), console());
    let (_held, pipe) = tokio::io::duplex(64);
    let _capture = logs.capture(0, Box::new(pipe), empty());
    logs.last_words(0, console).await;
}
