//! What operators do, in the model.

use clearance::journey::RecorderError;
use clearance::words::{DestinationName, State, TransferId};
use store::{Handled, Handling, Operator, Paused, Skipped};

use super::tables::{Tables, damaged, ending};

impl Tables {
    pub(super) fn pause_destination(
        &mut self,
        destination: &DestinationName,
        by: &Operator,
    ) -> Result<bool, RecorderError> {
        if self.paused.contains_key(destination) {
            return Ok(false);
        }
        let paused = Paused {
            destination: destination.clone(),
            since: by.at,
            who: by.who.to_string(),
            reason: by.reason.as_str().to_owned(),
        };
        self.paused.insert(destination.clone(), paused);
        self.note_act(by, "pause", destination.as_str())?;
        Ok(true)
    }

    pub(super) fn resume_destination(
        &mut self,
        destination: &DestinationName,
        by: &Operator,
    ) -> Result<bool, RecorderError> {
        let was_paused = self.paused.remove(destination).is_some();
        if was_paused {
            self.note_act(by, "resume", destination.as_str())?;
        }
        Ok(was_paused)
    }

    pub(super) fn handle(
        &mut self,
        transfers: &[TransferId],
        handling: Handling,
        by: Option<&Operator>,
    ) -> Result<Handled, RecorderError> {
        let mut handled = Handled::default();
        for id in transfers {
            if let Some(why) = self.hindrance(*id, handling) {
                handled.skipped.push((*id, why));
                continue;
            }
            handled.done.push(*id);
            if let Some(by) = by {
                self.note_act(by, handling.code(), &id.to_string())?;
                self.carry_out(*id, handling, by)?;
            }
        }
        Ok(handled)
    }

    fn hindrance(&self, id: TransferId, handling: Handling) -> Option<Skipped> {
        let Some(index) = self.find(id) else { return Some(Skipped::NotFound) };
        let row = &self.rows[&index];
        let in_doubt = row.perhaps_delivered || !row.parts_done.is_empty();
        match handling {
            _ if row.state.is_final() => Some(Skipped::Ended),
            _ if row.lease_until.is_some() => Some(Skipped::UnderWay),
            Handling::Retry if !self.has_turn(index) => Some(Skipped::Behind),
            Handling::Discard { cleared_up: false } if in_doubt => Some(Skipped::PerhapsDelivered),
            _ => None,
        }
    }

    fn carry_out(&mut self, id: TransferId, handling: Handling, by: &Operator) -> Result<(), RecorderError> {
        let index = self.find(id).ok_or_else(|| damaged("an act is on no transfer"))?;
        if handling == Handling::Retry {
            self.row(index)?.due_at = Some(by.at);
            return Ok(());
        }
        let mut ending = ending(id, State::Withdrawn, by.at);
        ending.code = Some("discarded".to_owned());
        self.finish(index, ending)
    }

    fn note_act(&mut self, by: &Operator, action: &str, object: &str) -> Result<(), RecorderError> {
        let entry = by.entry(action, object).map_err(|_| damaged("an act cannot be recorded"))?;
        self.append(entry);
        Ok(())
    }
}
