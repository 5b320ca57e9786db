//! `schema`: what may stand under `bakehouse:`, for editors and for people.

use std::fmt;

use bakehouse_contract::schema;
use serde::{Serialize, Serializer};

use super::console::Console;
use super::error::CliError;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print the reference of keys as Markdown instead of the JSON Schema
    #[arg(long)]
    reference: bool,
}

/// What was asked for.
enum Published {
    Schema(serde_json::Value),
    Reference(String),
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    console.answer(&if args.reference {
        Published::Reference(schema::reference())
    } else {
        Published::Schema(schema::json_schema())
    })
}

// === impl Published ===

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(schema) => writeln!(f, "{schema:#}"),
            Self::Reference(text) => f.write_str(text),
        }
    }
}

impl Serialize for Published {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Schema(schema) => schema.serialize(serializer),
            Self::Reference(text) => serde_json::json!({ "reference": text }).serialize(serializer),
        }
    }
}
