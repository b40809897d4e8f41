use super::*;
use crate::client::Professionals;

const EMPLOYER: &str = r#"
    @id("decision") @reason("the employer may learn the decision")
    @condition_1("the purpose is `decision`")
    @condition_2("the legal basis is `6(1)(c)`")
    @condition_3("nothing but identity and decision leaves")
    permit (principal, action == Action::"disclose", resource == Destination::"employer")
    when { context.purpose == "decision" }
    when { context.gdpr6 == "6(1)(c)" }
    when { ["identity", "decision"].containsAll(context.categories) };
"#;

fn policy() -> Policy {
    load(EMPLOYER).unwrap()
}

fn load(text: &str) -> Result<Policy, PolicyError> {
    let client = Client {
        id: "ehr".parse().unwrap(),
        organisation: "10303948".into(),
        destinations: BTreeSet::from(["employer".parse().unwrap()]),
        professionals: Professionals::default(),
    };
    let facts = DestinationFacts {
        name: "employer".parse().unwrap(),
        never: BTreeSet::from(["diagnosis".parse().unwrap()]),
    };
    let source = PolicySource {
        origin: "employer.cedar".into(),
        destination: Some("employer".parse().unwrap()),
        text: text.into(),
    };
    Policy::load(&[source], &[client], &[facts])
}

fn question() -> Question {
    Question {
        client: "ehr".parse().unwrap(),
        destination: "employer".parse().unwrap(),
        purpose: "decision".parse().unwrap(),
        legal_basis: LegalBasis {
            gdpr6: "6(1)(c)".into(),
            gdpr9: "9(2)(b)".into(),
            act: "TTOS".into(),
            section: "13¹".into(),
        },
        categories: BTreeSet::from(["identity".parse().unwrap()]),
        evidence: BTreeSet::new(),
        professional: Vouching::Listed,
        standing: Standing::default(),
    }
}

#[test]
fn what_a_rule_permits_passes_and_names_the_rule() {
    let permit = policy().decide(question()).unwrap();
    assert_eq!(permit.rules(), ["decision"]);
}

#[test]
fn a_no_names_the_nearest_rule_and_every_condition_that_failed() {
    let denial = policy()
        .decide(Question {
            purpose: "marketing".parse().unwrap(),
            categories: BTreeSet::from(["note".parse().unwrap()]),
            ..question()
        })
        .unwrap_err();
    assert_eq!(denial.rule, "decision");
    let details: Vec<_> = denial.faults.iter().map(|fault| fault.remedy.as_str()).collect();
    assert_eq!(
        details,
        [
            "it is permitted when the purpose is `decision`",
            "it is permitted when nothing but identity and decision leaves",
        ]
    );
}

#[test]
fn what_is_forbidden_everywhere_wins_over_a_permit() {
    let cases: [(Question, &str); 4] = [
        (
            Question {
                evidence: BTreeSet::from(["consent:declared".into()]),
                standing: Standing { consent: Consent::Withdrawn, ..Standing::default() },
                ..question()
            },
            "consent-withdrawn",
        ),
        (
            Question { standing: Standing { restricted: true, ..Standing::default() }, ..question() },
            "processing-restricted",
        ),
        (Question { professional: Vouching::None, ..question() }, "professional-not-vouched"),
        (
            Question { categories: BTreeSet::from(["diagnosis".parse().unwrap()]), ..question() },
            "category-never",
        ),
    ];
    for (question, rule) in cases {
        assert_eq!(policy().decide(question).unwrap_err().rule, rule);
    }
}

#[test]
fn a_withdrawn_consent_stops_what_rests_on_consent_and_nothing_else() {
    let withdrawn = |change: fn(&mut Question)| {
        let standing = Standing { consent: Consent::Withdrawn, ..Standing::default() };
        let mut question = Question { standing, ..question() };
        change(&mut question);
        load(&EMPLOYER.replace(r#"context.gdpr6 == "6(1)(c)""#, "true")).unwrap().decide(question)
    };
    assert!(withdrawn(|_| {}).is_ok());
    let rests_on_consent: [fn(&mut Question); 3] = [
        |question| question.legal_basis.gdpr6 = "6(1)(a)".into(),
        |question| question.legal_basis.gdpr9 = "9(2)(a)".into(),
        |question| question.evidence = BTreeSet::from(["consent:document".into()]),
    ];
    for change in rests_on_consent {
        assert_eq!(withdrawn(change).unwrap_err().rule, "consent-withdrawn");
    }
}

#[test]
fn a_client_or_destination_that_is_gone_gets_a_no() {
    let gone = Question { client: "pacs".parse().unwrap(), ..question() };
    assert_eq!(policy().decide(gone).unwrap_err().rule, "no-legal-basis");
}

#[test]
fn policies_that_do_not_parse_type_check_or_explain_themselves_are_not_loaded() {
    for text in [
        "permit (",
        r#"@id("x") @reason("y") permit (principal, action, resource) when { context.colour == "red" };"#,
        "permit (principal, action, resource);",
        r#"@id("x") @reason("y") permit (principal, action, resource) when { context.restricted };"#,
        r#"@id("x") @reason("y") forbid (principal, action, resource);"#,
        r#"@id("consent-withdrawn") @reason("y") permit (principal, action, resource);"#,
    ] {
        assert!(load(text).is_err(), "{text}");
    }
}
