//! Micheline, the form of Michelson's code and data, walked to its last byte.
//!
//! It promises: an expression is accepted only if its tree ends exactly where its bytes end, and a tree of any depth
//! costs no stack, so no request can break the signer by nesting.

use crate::tezos::binary::{BinaryError, Reader};

/// What is still to be read.
enum Pending {
    Expression,
    Annotations,
    /// Expressions until this offset.
    Until(usize),
}

/// An expression that is wrapped in its length.
pub(super) fn wrapped(reader: &mut Reader<'_>, field: &'static str) -> Result<(), BinaryError> {
    reader.nested(field, |reader| expression(reader, field))
}

/// One expression.
pub(super) fn expression(reader: &mut Reader<'_>, field: &'static str) -> Result<(), BinaryError> {
    let mut stack = vec![Pending::Expression];
    while let Some(pending) = stack.pop() {
        match pending {
            Pending::Expression => node(reader, field, &mut stack)?,
            Pending::Annotations => {
                reader.dynamic(field)?;
            }
            Pending::Until(end) if reader.offset() < end => {
                stack.push(Pending::Until(end));
                stack.push(Pending::Expression);
            }
            Pending::Until(end) if reader.offset() == end => {}
            Pending::Until(_) => return Err(reader.malformed(field)),
        }
    }
    Ok(())
}

/// One node without its children, which are put on the stack.
fn node(
    reader: &mut Reader<'_>,
    field: &'static str,
    stack: &mut Vec<Pending>,
) -> Result<(), BinaryError> {
    let at = reader.clone();
    let tag = reader.u8(field)?;
    match tag {
        0 => return reader.integer(field),
        1 | 10 => return reader.dynamic(field).map(drop),
        2 => {
            let end = end_of_list(reader, field)?;
            stack.push(Pending::Until(end));
        }
        3..=9 => {
            reader.u8(field)?;
        }
        _ => return Err(at.malformed(field)),
    }
    // The stack gives back the last first.
    if matches!(tag, 4 | 6 | 8 | 9) {
        stack.push(Pending::Annotations);
    }
    match tag {
        5 | 6 => stack.push(Pending::Expression),
        7 | 8 => stack.extend([Pending::Expression, Pending::Expression]),
        9 => {
            let end = end_of_list(reader, field)?;
            stack.push(Pending::Until(end));
        }
        _ => {}
    }
    Ok(())
}

/// Where the list ends that begins with its length here.
fn end_of_list(reader: &mut Reader<'_>, field: &'static str) -> Result<usize, BinaryError> {
    let length = reader.clone().dynamic(field)?.len();
    reader.slice(field, 4)?;
    Ok(reader.offset() + length)
}
