//! The decision on each value: by its name where that tells enough, as it nearly always does, otherwise by a closer look.

use super::super::glimpse::{Fhir, Sight};
use super::super::lexer::{Tail, Token};
use super::super::text;
use super::steps::Step;
use super::{Gone, JsonProjection, Stage, values};
use crate::automaton::{Lead, StateId};
use crate::fault::Fault;
use crate::manifest::Place;
use crate::names::Symbol;
use crate::walk::{Arrival, Here};

impl JsonProjection<'_> {
    /// What the name of the member tells that was read last, in the innermost element.
    #[inline]
    fn step(&mut self, window: &str, state: Option<StateId>) -> Step {
        let (text, hash) = (self.lexer.name(), self.lexer.hash());
        let name = window.as_bytes().get(text.from..text.to).unwrap_or_default();
        match self.steps.find(state, hash, name) {
            Some(step) => step,
            None => self.first_step(window, state),
        }
    }

    fn first_step(&mut self, window: &str, state: Option<StateId>) -> Step {
        let hash = self.lexer.hash();
        self.scratch.clear();
        text::unescape(window, self.lexer.name(), &mut self.scratch);
        let names = &self.profile.names;
        let symbol = names.find(hash, self.scratch.as_bytes());
        let Fhir { contained, id, resource, resource_type, .. } = self.fhir;
        // FHIR's own rules want to know more of these.
        let is_special = [contained, id, resource, resource_type].contains(&symbol);
        let lead = match state.filter(|_| !is_special) {
            Some(state) => self.profile.automaton.lead(state, symbol),
            None => Lead::Further,
        };
        let step = Step { symbol, lead, is_positional: self.scratch.starts_with('_') };
        if let Some(name) = names.name(symbol) {
            self.steps.remember(state, hash, name, step);
        }
        step
    }

    /// Decides on the value that begins at `from`.
    #[inline]
    pub(super) fn decide(
        &mut self,
        window: &str,
        tail: Tail,
        token: Token,
        from: usize,
    ) -> Result<Sight, Fault> {
        let Some(here) = self.walk.here() else {
            return self.begin(token).map(|()| Sight::Enough);
        };
        let step = if here.is_list {
            Step { symbol: here.name, lead: here.lead, is_positional: false }
        } else {
            self.step(window, here.state)
        };
        if !here.is_list {
            self.name = step.symbol;
        }
        if !self.subjects.follows_at(self.walk.depth())
            && self.decide_by_name(window, token, here, step, from)
        {
            return Ok(Sight::Enough);
        }
        self.decide_closer(window, tail, token, step, from)
    }

    fn decide_closer(
        &mut self,
        window: &str,
        tail: Tail,
        token: Token,
        step: Step,
        from: usize,
    ) -> Result<Sight, Fault> {
        let Some(top) = self.walk.top().copied() else { return Ok(Sight::Enough) };
        let name = step.symbol;
        let is_container = matches!(token, Token::ObjectStart | Token::ArrayStart);
        if token == Token::ArrayStart {
            return Ok(self.decide_list(window, tail, step, from));
        }
        if token == Token::String && !top.is_list {
            if self.walk.depth() == 1 && name == self.fhir.resource_type {
                self.check_type(window, self.lexer.text())?;
            }
            let is_type = top.is_typed && name == self.fhir.resource_type;
            let is_id = name == self.fhir.id && self.contained.is_open() && self.is_contained_itself();
            if is_type || is_id {
                self.implied(window, token, is_type, from);
                return Ok(Sight::Enough);
            }
        }
        let is_contained = name == self.fhir.contained && self.walk.element() == 0;
        let is_object = token == Token::ObjectStart;
        if is_object {
            self.gather_needs(name, is_contained);
            if !self.needs.is_empty() {
                let needs = std::mem::take(&mut self.needs);
                let sight = self.see(window, tail, from, &needs);
                self.needs = needs;
                if sight == Sight::More {
                    return Ok(Sight::More);
                }
            }
        }
        let (glimpse, fhir) = (&self.glimpse, &self.fhir);
        let arrival =
            self.walk.arrive(name, |question| is_object && glimpse.holds(window, fhir, 0, question));
        // Said before anything else looks ahead, and forgets what was seen.
        let is_patient = is_contained && self.type_seen(window) == Some("Patient");
        let of_type = if is_object { self.shown_type(window) } else { Symbol::UNKNOWN };
        let id = if is_contained && is_object { self.id_seen(window) } else { None };
        let is_dead = arrival.drop.is_some() || !arrival.is_led_to;
        if self.subjects.follows_at(self.walk.depth())
            && self.follow(window, tail, name, from, is_dead || !is_container) == Sight::More
        {
            return Ok(Sight::More);
        }
        if is_patient && self.see_patient(window, tail, from) == Sight::More {
            return Ok(Sight::More);
        }
        if is_contained && is_object && self.contained.begin(id) {
            let (remedy, detail) =
                ("give each contained resource an id of its own", "two contained resources have one id");
            let pointer = self.lexer.pointer(&self.profile.names);
            let offset = self.lexer.offset(from);
            self.walk.faults.add(offset, || pointer, "contained-duplicate-id", detail, remedy);
        }
        let place = match arrival {
            Arrival { is_led_to: true, shown, .. } => Place::at(shown),
            _ => Place { state: top.shown, under: Some((name, of_type)) },
        };
        let gone = Gone { place, drop: arrival.drop, offset: self.lexer.offset(from) };
        match (is_dead, is_object) {
            (true, true) => self.skip(gone),
            (true, false) => self.goes(gone, 1),
            (false, true) => self.open(window, name, arrival, is_contained),
            (false, false) => self.scalar(window, token, name, place, from),
        }
        Ok(Sight::Enough)
    }

    /// Decides on a value of which the name alone tells whether it may stay, as it does of nearly all. Whether that was so.
    #[inline]
    fn decide_by_name(&mut self, window: &str, token: Token, here: Here, step: Step, from: usize) -> bool {
        let name = step.symbol;
        let gone =
            || Gone { place: Place::under(here.shown, name), drop: None, offset: self.lexer.offset(from) };
        match (step.lead, token) {
            (Lead::Further, _) => return false,
            (Lead::Nowhere, Token::ObjectStart | Token::ArrayStart) => self.skip(gone()),
            (Lead::Nowhere, _) => self.goes(gone(), 1),
            (_, Token::ArrayStart) if here.is_list || step.is_positional => self.skip(gone()),
            (lead, Token::ArrayStart) => self.list(window, name, lead),
            (Lead::Element { state }, Token::ObjectStart) => {
                let arrival = self.walk.arrive_at(state);
                let mark = self.prefix(window);
                self.walk.out.push(b'{');
                self.walk.open(name, arrival, mark, false);
            }
            (Lead::Value { state, path }, _) => {
                let Some(scalar) = values::plain(window, token, self.lexer.text()) else { return false };
                if token == Token::ObjectStart || !self.walk.is_kept_by(path, &scalar) {
                    return false;
                }
                if self.walk.is_lost() {
                    self.walk.lose();
                } else {
                    self.stays(window, token, name, Place::at(state), path, from);
                }
            }
            (Lead::Element { .. }, _) => return false,
        }
        true
    }

    fn decide_list(&mut self, window: &str, tail: Tail, step: Step, from: usize) -> Sight {
        let name = step.symbol;
        let is_member = self.is_member();
        // An item that is an array has no path: FHIR knows no arrays of arrays. And the array form of a primitive's
        // extensions is read by position, which would not survive a dropped item.
        let is_dead = !is_member || step.is_positional || self.walk.edges(name).next().is_none();
        if is_member
            && self.subjects.follows_at(self.walk.depth())
            && self.follow(window, tail, name, from, is_dead) == Sight::More
        {
            return Sight::More;
        }
        if is_dead {
            let shown = self.walk.top().map_or(0, |top| top.shown);
            let gone = Gone { place: Place::under(shown, name), drop: None, offset: self.lexer.offset(from) };
            self.skip(gone);
        } else {
            self.list(window, name, Lead::Further);
        }
        Sight::Enough
    }

    fn list(&mut self, window: &str, name: Symbol, lead: Lead) {
        let mark = self.prefix(window);
        self.walk.out.push(b'[');
        self.walk.open_list(name, lead, mark);
    }

    /// What has just begun goes.
    fn skip(&mut self, gone: Gone) {
        self.gone = gone;
        self.stage = Stage::Skip(self.lexer.depth() - 1);
    }

    /// What must be seen of the object to answer what paths ask of elements called `name`.
    fn gather_needs(&mut self, name: Symbol, is_contained: bool) {
        self.needs.clear();
        let automaton = &self.profile.automaton;
        let questions = self.walk.edges(name).filter_map(|edge| automaton.question(edge.question?));
        questions.for_each(|question| self.needs.ask(question));
        if is_contained || name == self.fhir.resource {
            self.needs.add(self.fhir.resource_type);
        }
        if is_contained {
            self.needs.add(self.fhir.id);
        }
    }
}
