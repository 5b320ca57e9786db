//! A reader of Tezos' binary encoding, which never reads past its end and knows when it is at it.
//!
//! Integers are big-endian whatever the machine is.

use super::{PublicKeyHash, TezosError};

/// Why bytes are not what they should be. The offset counts from the reader's start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    /// The bytes end within a field.
    #[error("the bytes end within {field} at offset {offset}")]
    Short {
        /// The field's name.
        field: &'static str,
        /// Where it starts.
        offset: usize,
    },
    /// A field has a value that it can't have.
    #[error("{field} at offset {offset} is malformed")]
    Malformed {
        /// The field's name.
        field: &'static str,
        /// Where it starts.
        offset: usize,
    },
    /// Bytes are left over.
    #[error("{left} bytes too many at offset {offset}")]
    Trailing {
        /// Where the known content ends.
        offset: usize,
        /// How many bytes follow.
        left: usize,
    },
}

/// A cursor over bytes.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

type Result<T> = std::result::Result<T, BinaryError>;

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            offset: 0,
        }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes were read, those around a nested reader too.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The end of what is known must be the end of the bytes.
    pub(crate) fn finish(self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(BinaryError::Trailing {
                offset: self.offset,
                left: self.rest.len(),
            })
        }
    }

    pub(crate) fn malformed(&self, field: &'static str) -> BinaryError {
        BinaryError::Malformed {
            field,
            offset: self.offset,
        }
    }

    pub(crate) fn slice(&mut self, field: &'static str, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(BinaryError::Short {
                field,
                offset: self.offset,
            })?;
        self.rest = rest;
        self.offset += length;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(BinaryError::Short {
                field,
                offset: self.offset,
            })?;
        self.rest = rest;
        self.offset += N;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self, field: &'static str) -> Result<i32> {
        self.array(field).map(i32::from_be_bytes)
    }

    /// An i32 that must not be negative: a level, a round, a voting period.
    pub(crate) fn natural_i32(&mut self, field: &'static str) -> Result<i32> {
        let at = self.clone();
        match self.i32(field)? {
            value @ 0.. => Ok(value),
            _ => Err(at.malformed(field)),
        }
    }

    /// `dyn`: a u32 length, then that many bytes.
    pub(crate) fn dynamic(&mut self, field: &'static str) -> Result<&'a [u8]> {
        let at = self.clone();
        let length = u32::from_be_bytes(self.array(field)?);
        let length = usize::try_from(length).map_err(|_| at.malformed(field))?;
        self.slice(field, length)
    }

    /// `dyn` whose bytes are decoded to the last: `read` gets a reader of them alone.
    pub(crate) fn nested(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let rest = self.dynamic(field)?;
        let offset = self.offset - rest.len();
        let mut inner = Self { rest, offset };
        read(&mut inner)?;
        inner.finish()
    }

    /// `dyn` that holds values one after the other until its end.
    pub(crate) fn list(
        &mut self,
        field: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.nested(field, |reader| {
            while !reader.is_at_end() {
                read(reader)?;
            }
            Ok(())
        })
    }

    /// A byte that is at most `last`: the tag of a choice whose cases hold nothing.
    pub(crate) fn choice(&mut self, field: &'static str, last: u8) -> Result<u8> {
        let at = self.clone();
        match self.u8(field)? {
            tag if tag <= last => Ok(tag),
            _ => Err(at.malformed(field)),
        }
    }

    /// `00` or `ff`.
    pub(crate) fn boolean(&mut self, field: &'static str) -> Result<()> {
        self.optional(field, |_| Ok(())).map(drop)
    }

    /// An i32 of 31 bits, as Octez' `int31`.
    pub(crate) fn int31(&mut self, field: &'static str) -> Result<()> {
        let at = self.clone();
        match self.i32(field)? {
            -0x4000_0000..=0x3fff_ffff => Ok(()),
            _ => Err(at.malformed(field)),
        }
    }

    /// `opt`: `00`, or `ff` and then the value.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Option<T>> {
        let at = self.clone();
        match self.u8(field)? {
            0x00 => Ok(None),
            0xff => read(self).map(Some),
            _ => Err(at.malformed(field)),
        }
    }

    /// `n`: groups of seven bits, the lowest first, in one canonical form.
    pub(crate) fn natural(&mut self, field: &'static str) -> Result<()> {
        self.groups(field)
    }

    /// `n` that must fit into 63 bits: an amount of mutez.
    pub(crate) fn mutez(&mut self, field: &'static str) -> Result<u64> {
        let at = self.clone();
        self.natural(field)?;
        let length = self.offset - at.offset;
        let mut value: u64 = 0;
        // Nine groups of seven bits are 63 bits; the form is canonical, so more groups mean a greater value.
        for byte in at.rest.iter().take(length).rev() {
            if length > 9 {
                return Err(at.malformed(field));
            }
            value = (value << 7) | u64::from(byte & 0x7f);
        }
        Ok(value)
    }

    /// `z`: as `n`, with a sign and six bits in the first byte.
    pub(crate) fn integer(&mut self, field: &'static str) -> Result<()> {
        let at = self.clone();
        self.groups(field)?;
        let negative_zero = self.offset - at.offset == 1 && at.rest.first() == Some(&0x40);
        if negative_zero {
            Err(at.malformed(field))
        } else {
            Ok(())
        }
    }

    /// `z` that is not negative: a bit set.
    pub(crate) fn bit_set(&mut self, field: &'static str) -> Result<()> {
        let at = self.clone();
        self.integer(field)?;
        match at.rest.first() {
            Some(first) if first & 0x40 == 0 => Ok(()),
            _ => Err(at.malformed(field)),
        }
    }

    fn groups(&mut self, field: &'static str) -> Result<()> {
        let at = self.clone();
        let mut count = 0_usize;
        loop {
            let byte = self.u8(field)?;
            count += 1;
            if byte & 0x80 == 0 {
                // A last group of zero says nothing: the same number has a shorter form.
                return if byte == 0 && count > 1 {
                    Err(at.malformed(field))
                } else {
                    Ok(())
                };
            }
        }
    }

    pub(crate) fn public_key_hash(&mut self, field: &'static str) -> Result<PublicKeyHash> {
        let at = self.clone();
        let bytes = self.array::<21>(field)?;
        PublicKeyHash::from_tagged(&bytes).map_err(|_: TezosError| at.malformed(field))
    }
}
