//! Bytes to lines, with a longest line.

/// A longer line is cut into pieces of this many bytes.
pub const LINE_LIMIT: usize = 64 * 1024;

/// Cuts a stream into lines.
#[derive(Debug, Default)]
pub struct Splitter {
    rest: Vec<u8>,
}

// === impl Splitter ===

impl Splitter {
    /// Takes in bytes and hands out each line that they complete.
    pub fn feed(&mut self, mut bytes: &[u8], mut line: impl FnMut(String)) {
        while !bytes.is_empty() {
            let room = LINE_LIMIT - self.rest.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let take = end.unwrap_or(room.min(bytes.len()));
            let (piece, rest) = bytes.split_at(take);
            self.rest.extend_from_slice(piece);
            // The line's end itself is not part of it.
            bytes = rest.get(usize::from(end.is_some())..).unwrap_or_default();
            if end.is_some() || self.rest.len() == LINE_LIMIT {
                line(self.take());
            }
        }
    }

    /// Hands out what is left at the end of the stream.
    pub fn finish(&mut self, mut line: impl FnMut(String)) {
        if !self.rest.is_empty() {
            line(self.take());
        }
    }

    fn take(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.rest);
        let text = text.strip_suffix('\r').unwrap_or(&text).to_owned();
        self.rest.clear();
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        for chunk in chunks {
            splitter.feed(chunk, |line| lines.push(line));
        }
        splitter.finish(|line| lines.push(line));
        lines
    }

    #[test]
    fn lines_come_out_whole_whatever_the_chunks() {
        assert_eq!(
            lines(&[b"a", b"b\nc\r\n", b"\n", b"d"]),
            ["ab", "c", "", "d"]
        );
    }

    #[test]
    fn a_line_over_the_limit_is_cut_and_nothing_of_it_lost() {
        let long = vec![b'x'; LINE_LIMIT * 2 + 5];
        let lengths: Vec<_> = lines(&[&long, b"\nnext\n"])
            .iter()
            .map(String::len)
            .collect();
        assert_eq!(lengths, [LINE_LIMIT, LINE_LIMIT, 5, 4]);
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(text in "[a-c\n]{0,200}", size in 1_usize..20) {
            let chunks: Vec<_> = text.as_bytes().chunks(size).collect();
            prop_assert_eq!(lines(&chunks), lines(&[text.as_bytes()]));
        }
    }
}
