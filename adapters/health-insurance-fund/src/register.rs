//! One call to the fund's register `kirst`: a body becomes a message of X-Road, and what comes back its answer.

use clearance::adapter::{DestinationRefusal, Means, Outcome, Setback};
use clearance::fault::Fault;
use clearance::journey::Cleared;
use x_road::address::Part;
use x_road::exchange::SoapReply;
use x_road::request::SecurityServer;
use x_road::soap::package::Style;
use x_road::soap::{Blame, Client, Element, Headers, Limits, Message, Node, Text, escaped};
use x_road::trouble::{Effect, Trouble};

use crate::Settings;
use crate::facts::patient;

/// The fund's register.
#[derive(Debug)]
pub(crate) struct Register {
    server: SecurityServer,
    provider: Client,
    version: Part,
    limits: Limits,
}

/// One call.
pub(crate) struct Call<'a> {
    /// The service.
    pub(crate) service: &'static str,
    /// The step of the delivery, which names the message: the same step of a transfer always has the same id.
    pub(crate) step: &'a str,
    /// What it is asked.
    pub(crate) body: Element,
}

/// Why a call brought no answer of the fund.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There was none, or X-Road's.
    Trouble(Trouble),
    /// The fund's fault: the message is not as it should be.
    NotTaken,
}

/// A bill as the fund has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filed {
    /// The fund's number.
    pub(crate) id: String,
    patient: String,
    /// When its period begins and ends.
    pub(crate) period: (String, String),
    /// Whether it has been cancelled.
    pub(crate) is_cancelled: bool,
}

impl Register {
    pub(crate) fn new(settings: Settings) -> Self {
        let server = SecurityServer {
            peer: settings.peer,
            url: settings.url,
            client: settings.client.within(&settings.instance),
        };
        let provider = Client::from(&settings.subsystem.within(&settings.instance));
        Self { server, provider, version: settings.version, limits: Limits::default() }
    }

    /// Makes one call and takes the answer apart.
    pub(crate) async fn ask(
        &self,
        call: Call<'_>,
        cleared: &Cleared,
        means: &Means<'_>,
    ) -> Result<Node, Failure> {
        let request = self
            .message(call, cleared)
            .ok_or_else(|| Failure::Trouble(Trouble::new(Effect::NotArrived, "message-not-written")))?;
        let reply = self.server.exchange(&request, &[], Style::Swa, &self.limits, means).await;
        let unreadable = || Failure::Trouble(Trouble::new(Effect::PerhapsArrived, "answer-unreadable"));
        match reply.map_err(Failure::Trouble)? {
            SoapReply::Answer(answer) => {
                let body = answer.message.body().taken_apart(&self.limits).map_err(|_| unreadable())?;
                body.at(&["response"]).cloned().ok_or_else(unreadable)
            }
            SoapReply::Fault(fault) => Err(match fault.blame() {
                Blame::Client => Failure::NotTaken,
                Blame::Service | Blame::ClientProxy | Blame::ServerProxy | Blame::Unsaid => {
                    Failure::Trouble(Trouble::new(Effect::PerhapsArrived, "soap-fault-of-the-fund"))
                }
            }),
        }
    }

    /// The bill with this number: the fund's (`arveHkId`) or the clinic's (`arveNumber`). `None` when the fund has none.
    pub(crate) async fn bill(
        &self,
        (by, number): (&'static str, &str),
        cleared: &Cleared,
        means: &Means<'_>,
    ) -> Result<Option<Filed>, Failure> {
        let xml = format!(
            "<k:rta_detail xmlns:k=\"http://kirst.x-road.eu\"><request><{by}>{}</{by}></request></k:rta_detail>",
            escaped(number)
        );
        let body = Element::parse(xml.as_bytes(), &self.limits)
            .map_err(|_| Failure::Trouble(Trouble::new(Effect::NotArrived, "message-not-written")))?;
        let step = format!("detail {number}");
        let answer = self.ask(Call { service: "rta_detail", step: &step, body }, cleared, means).await?;
        Ok(answer.at(&["raviarve"]).map(Filed::of))
    }

    fn message(&self, call: Call<'_>, cleared: &Cleared) -> Option<Message> {
        let service = self.provider.service(call.service.parse().ok()?, Some(self.version.clone()));
        let (_, personal_code, _) = cleared.professional();
        let id = cleared.transfer().message(call.step).into();
        let headers = Headers {
            user_id: Some(Text::new(&format!("EE{}", personal_code.expose())).ok()?),
            issue: Some(Text::new(cleared.reason()).ok()?),
            ..Headers::new((&self.server.client).into(), service, id)
        };
        Message::new(headers, call.body).ok()
    }
}

impl Failure {
    /// How the attempt ends when the call was to change something at the fund.
    pub(crate) fn with_the_document(self) -> Outcome {
        match self {
            Self::Trouble(trouble) => trouble.with_the_document(),
            Self::NotTaken => Outcome::Refused(DestinationRefusal {
                code: "soap-client".into(),
                faults: vec![Fault::new(
                    "destination-refused",
                    "",
                    "the fund says that the message is not one that its service takes",
                    "compare the settings `subsystem` and `version` with the fund's present WSDL, and the document with its schema",
                )],
            }),
        }
    }

    /// How the attempt ends when the call only asked.
    pub(crate) fn before_the_document(self) -> Outcome {
        match self {
            Self::Trouble(trouble) => trouble.before_the_document(),
            Self::NotTaken => Outcome::Failed(Setback::new("soap-client")),
        }
    }
}

impl Filed {
    fn of(bill: &Node) -> Self {
        Self {
            id: bill.text_of("arveHkId").to_owned(),
            patient: patient(bill).to_owned(),
            period: (bill.text_of("algKp").to_owned(), bill.text_of("loppKp").to_owned()),
            is_cancelled: bill.text_of("arveStaatus") == "99",
        }
    }

    /// Whether it is the declared subject's. The fund may put the country before a code.
    pub(crate) fn is_of(&self, cleared: &Cleared) -> bool {
        let declared = cleared.subject().value.expose();
        let bare = self.patient.strip_prefix("EE").or(self.patient.strip_prefix("ee"));
        self.patient == declared || bare == Some(declared)
    }
}
