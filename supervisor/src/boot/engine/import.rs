//! The import of a snapshot: marked when it is done, and never taken for done when it is not.

use super::Engine;
use crate::error::{Code, Halt};
use crate::plan::spec::{Plan, UnitSpec};
use crate::unit::{ExitReason, Step};

/// How far the import has come in this boot.
#[derive(Debug, Default)]
pub(super) enum Import {
    /// Not begun, or done.
    #[default]
    None,
    /// This unit's import runs, or ended before its time.
    Begun { unit: usize, folder: String },
}

// === impl Import ===

impl Import {
    /// A step runs.
    pub(super) fn started(
        &mut self,
        unit: usize,
        step: Step,
        plan: &Plan,
        spec: Option<&UnitSpec>,
    ) {
        if let (Step::Prepare(index), Some(spec)) = (step, spec)
            && is_import(plan, spec, index)
        {
            let folder = plan.state_path.join("node").display().to_string();
            *self = Self::Begun { unit, folder };
        }
    }

    /// Says what an import that did not end well has left behind.
    pub(super) fn amend(&self, of: usize, mut halt: Halt) -> Halt {
        if let Self::Begun { unit, folder } = self
            && *unit == of
        {
            let left = "the import of the snapshot did not end well";
            let message = &halt.message;
            halt.message = format!("{message}; {left}: empty {folder} before the next boot");
        }
        halt
    }
}

// === impl Engine ===

impl Engine {
    /// An import that ended well is marked, so that it is never done again, and the snapshot's file is removed.
    pub(super) fn note_import(&mut self, unit: usize, reason: &ExitReason) {
        let Some(snapshot) = &self.plan.snapshot else {
            return;
        };
        let index = self.table.preparing(unit);
        let spec = self.table.spec(unit);
        let importing = index
            .zip(spec)
            .is_some_and(|(index, spec)| is_import(&self.plan, spec, index));
        if !importing || *reason != (ExitReason::Exited { code: 0 }) {
            return;
        }
        let fs = &self.context.host.fs;
        let (mark, file) = (&snapshot.unless_exists, &snapshot.file);
        match fs.mark(mark) {
            Ok(()) => fs.remove(file),
            Err(error) => {
                let message = format!("{} {error}", mark.display());
                self.lose(Halt::new(Code::StateUnwritable, message));
            }
        }
        self.import = Import::None;
    }
}

/// The import is the step that the snapshot's own mark makes superfluous.
fn is_import(plan: &Plan, spec: &UnitSpec, index: usize) -> bool {
    let mark = plan
        .snapshot
        .as_ref()
        .map(|snapshot| &snapshot.unless_exists);
    let step = spec.prepare.get(index).map(|step| &step.unless_exists);
    step.is_some() && step == mark
}
