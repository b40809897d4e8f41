//! A deflated data set, inflated piece by piece and never by more than its limits allow.

use flate2::{Decompress, FlushDecompress, Status};

use super::limits::Limits;
use super::malformed::Reason;
use super::window::Window;

/// Bytes inflated at a time.
const PIECE_BYTES: usize = 64 << 10;
/// A checksum, a length, and a zero.
const TRAILER_BYTES_MAX: usize = 4 + 4 + 1;

/// What is deflated and was not yet inflated.
pub(super) struct Inflater {
    stream: Decompress,
    /// What was fed and is not yet taken in.
    pub(super) deflated: Window,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Inflating,
    Ended,
    /// What follows is not deflated.
    Broken,
}

/// How far inflating got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inflated {
    /// There is something new.
    Some,
    /// More must be fed.
    More,
    /// There will be nothing more.
    Nothing,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { stream: Decompress::new(false), deflated: Window::default(), state: State::Inflating }
    }

    /// Inflates a piece into `window`.
    ///
    /// What comes before a fault is told before it, so that it does not matter how the document was cut. Only a bomb may
    /// be noticed a piece earlier or later.
    pub(super) fn inflate(&mut self, window: &mut Window, limits: &Limits) -> Result<Inflated, Reason> {
        if self.state == State::Inflating {
            let made = self.piece(window);
            self.refuse_bombs(limits)?;
            if made > 0 {
                return Ok(Inflated::Some);
            }
        }
        match self.state {
            State::Inflating if self.deflated.unread() == 0 => Ok(Inflated::More),
            State::Inflating | State::Broken => Err(Reason::BadDeflate),
            State::Ended => self.expect_trailer(),
        }
    }

    /// Inflates as much as there is room for, and says how much that was.
    fn piece(&mut self, window: &mut Window) -> usize {
        let (taken, made) = (self.stream.total_in(), self.stream.total_out());
        let room = window.room(PIECE_BYTES);
        let status = self.stream.decompress(self.deflated.rest(), room, FlushDecompress::None);
        self.state = match status {
            Ok(Status::StreamEnd) => State::Ended,
            Ok(Status::Ok | Status::BufError) => State::Inflating,
            Err(_) => State::Broken,
        };
        let bytes = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        self.deflated.read(bytes(self.stream.total_in(), taken));
        let made = bytes(self.stream.total_out(), made);
        window.filled(made);
        made
    }

    /// A zero may follow, which makes the length even (PS3.5 annex A.5), and some writers leave the trailer of gzip.
    /// Neither is passed on.
    fn expect_trailer(&self) -> Result<Inflated, Reason> {
        if self.deflated.unread() > TRAILER_BYTES_MAX {
            Err(Reason::TrailingBytes)
        } else {
            Ok(Inflated::Nothing)
        }
    }

    fn refuse_bombs(&self, limits: &Limits) -> Result<(), Reason> {
        let (taken, made) = (self.stream.total_in(), self.stream.total_out());
        let allowed = taken.saturating_mul(limits.inflate_ratio_max).max(limits.inflate_slack_bytes);
        if made > allowed.min(limits.inflated_bytes_max) { Err(Reason::InflatesTooMuch) } else { Ok(()) }
    }
}
