//! The one thread that writes: commands that wait together are committed and synced together.
//!
//! Each command is in a savepoint of its own, so that one that fails takes no other with it. Answers go out after COMMIT
//! has returned, never before.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clearance::journey::RecorderError;
use ledger::tree::Frontier;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, oneshot};

use super::checkpointer::Nudge;
use super::commit::{Commit, Effects};
use super::fault::{Abort, Latch};
use super::figures::Counters;
use super::leases::Leases;
use super::room::Room;
use crate::views::Changed;

/// A group waits for others at most this long, and only when the one before was a group.
const GROUP_WAIT: Duration = Duration::from_micros(300);
const GROUP_COMMANDS_MAX: usize = 256;
/// More commands than this wait outside.
const WAITING_COMMANDS_MAX: usize = 1024;
/// After this much the log is brought into the database.
const LOG_BYTES_UNCHECKED_MAX: u64 = 4 << 20;
/// About what a command writes beside its bodies, in pages.
const COMMAND_LOG_BYTES: u64 = 16 << 10;

/// A command on its way.
trait Job: Send {
    fn work(&mut self, commit: &mut Commit<'_>) -> Result<(), Abort>;
    fn answer(self: Box<Self>, verdict: Result<(), RecorderError>);
}

struct Command<W, T> {
    work: Option<W>,
    found: Option<T>,
    answer: oneshot::Sender<Result<T, RecorderError>>,
}

pub(super) struct Queued {
    job: Box<dyn Job>,
    _place: Option<OwnedSemaphorePermit>,
}

/// The way to the writer. Once closed, what waits is still carried out.
#[derive(Debug)]
pub(super) struct Queue {
    sender: Mutex<Option<Sender<Queued>>>,
    places: Arc<Semaphore>,
    latch: Latch,
}

/// All that a commit touches.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) frontier: Frontier,
    pub(super) room: Room,
    pub(super) latch: Latch,
    pub(super) leases: Leases,
    pub(super) changes: broadcast::Sender<Changed>,
    pub(super) counters: Arc<Counters>,
    pub(super) nudges: Sender<Nudge>,
    pub(super) log_bytes: u64,
}

impl Queue {
    pub(super) fn new(latch: Latch) -> (Self, Receiver<Queued>) {
        let (sender, receiver) = std::sync::mpsc::channel();
        let places = Arc::new(Semaphore::new(WAITING_COMMANDS_MAX));
        (Self { sender: Mutex::new(Some(sender)), places, latch }, receiver)
    }

    /// Carries `work` out in a synced commit. It is carried out even if nobody waits for the answer any more.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Commit<'_>) -> Result<T, Abort> + Send + 'static,
    ) -> Result<T, RecorderError> {
        self.latch.check()?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| RecorderError::Latched)?;
        let (job, answer) = command(work);
        self.send(Queued { job, _place: Some(place) })?;
        answer.await.unwrap_or(Err(RecorderError::Latched))
    }

    fn send(&self, queued: Queued) -> Result<(), RecorderError> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().and_then(|sender| sender.send(queued).ok()).ok_or(RecorderError::Latched)
    }

    pub(super) fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Writer {
    /// Serves until the queue is closed and empty.
    pub(super) fn serve(mut self, queue: &Receiver<Queued>) {
        let mut before = 1;
        while let Ok(first) = queue.recv() {
            let group = gather(queue, first, before);
            before = group.len();
            self.carry_out(group);
        }
    }

    /// Carries `work` out in a commit of its own, on this thread.
    pub(super) fn carry_out_one<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Commit<'_>) -> Result<T, Abort> + Send + 'static,
    ) -> Result<T, RecorderError> {
        let (job, mut answer) = command(work);
        self.carry_out(vec![Queued { job, _place: None }]);
        answer.try_recv().unwrap_or(Err(RecorderError::Latched))
    }

    fn carry_out(&mut self, group: Vec<Queued>) {
        let mut done = Vec::with_capacity(group.len());
        let committed = self.latch.check().and_then(|()| {
            let committed =
                Group::run(&self.connection, &self.room, &self.frontier, &self.latch, group, &mut done);
            committed.inspect_err(|_| self.roll_back())
        });
        let verdict = committed.map(|(frontier, effects)| {
            let commands = done.iter().filter(|(_, fate)| fate.is_ok()).count();
            self.frontier = frontier;
            self.follow(effects, commands);
        });
        for (queued, fate) in done {
            queued.job.answer(fate.and(verdict.clone()));
        }
    }

    /// INVARIANT: the commit before has returned; only now may anybody know of it.
    fn follow(&mut self, effects: Effects, commands: usize) {
        if commands > 0 {
            self.counters.committed(commands as u64);
        }
        self.leases.free(&effects.freed);
        for changed in effects.changed {
            // Nobody may be listening; that is fine.
            let _ = self.changes.send(changed);
        }
        if effects.erased {
            let _ = self.nudges.send(Nudge::Erased);
        }
        if !effects.bodies.is_empty() {
            let _ = self.nudges.send(Nudge::Bodies(effects.bodies));
        }
        self.log_bytes += effects.log_bytes + COMMAND_LOG_BYTES * commands as u64;
        if self.log_bytes > LOG_BYTES_UNCHECKED_MAX {
            self.log_bytes = 0;
            let _ = self.nudges.send(Nudge::Log);
        }
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit() && self.connection.execute_batch("ROLLBACK").is_err() {
            self.latch.set();
        }
    }
}

/// The commands of one transaction.
struct Group<'c> {
    connection: &'c Connection,
    room: &'c Room,
    frontier: Frontier,
    effects: Effects,
}

impl<'c> Group<'c> {
    /// Commits the commands that succeed, and says of each how it fared. An error is one of the whole group.
    fn run(
        connection: &'c Connection,
        room: &'c Room,
        before: &Frontier,
        latch: &Latch,
        commands: Vec<Queued>,
        done: &mut Vec<(Queued, Result<(), RecorderError>)>,
    ) -> Result<(Frontier, Effects), RecorderError> {
        let mut group = Self { connection, room, frontier: before.clone(), effects: Effects::default() };
        let begun = group.execute("BEGIN IMMEDIATE").map_err(|abort| latch.judge(abort));
        // Whatever happens, each command is handed on: somebody waits for its answer.
        let mut broken = begun.err();
        for mut queued in commands {
            let fate = match &broken {
                Some(error) => Err(error.clone()),
                None => group.attempt(&mut *queued.job).map_err(|abort| latch.judge(abort)),
            };
            // For want of space, SQLite may have rolled back all of the transaction.
            let rolled_back = group.connection.is_autocommit();
            if broken.is_none() && (rolled_back || latch.check().is_err()) {
                broken = fate.clone().err().or(Some(RecorderError::Latched));
            }
            done.push((queued, fate));
        }
        match broken {
            Some(error) => Err(error),
            None => group.commit(before).map_err(|abort| latch.judge(abort)),
        }
    }

    fn attempt(&mut self, job: &mut dyn Job) -> Result<(), Abort> {
        self.execute("SAVEPOINT command")?;
        let mut commit = Commit::new(self.connection, self.room, self.frontier.clone());
        match job.work(&mut commit) {
            Ok(()) => {
                self.execute("RELEASE command")?;
                let (frontier, effects) = commit.finish();
                self.frontier = frontier;
                self.effects.join(effects);
                Ok(())
            }
            Err(abort) => {
                if !self.connection.is_autocommit() {
                    self.execute("ROLLBACK TO command")?;
                    self.execute("RELEASE command")?;
                }
                Err(abort)
            }
        }
    }

    fn commit(self, before: &Frontier) -> Result<(Frontier, Effects), Abort> {
        if self.frontier != *before {
            let mut statement =
                self.connection.prepare_cached("UPDATE frontier SET bytes = ?1 WHERE one = 1")?;
            statement.execute([self.frontier.encode()])?;
        }
        self.execute("COMMIT")?;
        Ok((self.frontier, self.effects))
    }

    fn execute(&self, sql: &str) -> Result<(), Abort> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

/// Takes what waits. Where there was a group before, others are on their way, and it pays to wait for as many.
fn gather(queue: &Receiver<Queued>, first: Queued, before: usize) -> Vec<Queued> {
    let deadline = Instant::now() + GROUP_WAIT;
    let expected = before.min(GROUP_COMMANDS_MAX);
    let mut group = vec![first];
    loop {
        let room = GROUP_COMMANDS_MAX - group.len();
        group.extend(queue.try_iter().take(room));
        if group.len() >= expected {
            return group;
        }
        match queue.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(next) => group.push(next),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return group,
        }
    }
}

fn command<T: Send + 'static>(
    work: impl FnOnce(&mut Commit<'_>) -> Result<T, Abort> + Send + 'static,
) -> (Box<dyn Job>, oneshot::Receiver<Result<T, RecorderError>>) {
    let (answer, answered) = oneshot::channel();
    (Box::new(Command { work: Some(work), found: None, answer }), answered)
}

impl<W, T> Job for Command<W, T>
where
    W: FnOnce(&mut Commit<'_>) -> Result<T, Abort> + Send,
    T: Send,
{
    fn work(&mut self, commit: &mut Commit<'_>) -> Result<(), Abort> {
        if let Some(work) = self.work.take() {
            self.found = Some(work(commit)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, verdict: Result<(), RecorderError>) {
        let Self { found, answer, .. } = *self;
        // Whoever asked may have gone; what was committed stands.
        let _ = answer.send(verdict.and_then(|()| found.ok_or(RecorderError::Latched)));
    }
}

impl std::fmt::Debug for Queued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queued(…)")
    }
}
