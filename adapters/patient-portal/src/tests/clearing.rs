//! What leaves, and what is refused before anything does.

use std::collections::BTreeSet;

use clearance::basis::{Question, Standing};
use clearance::client::Vouching;
use clearance::declaration::LegalBasis;
use clearance::refusal::Stage;

use crate::testing::{
    EPICRISIS, certificate_declaration, declaration, epicrisis_with, journey, piece, second_version, shape,
    shaped,
};

const EPICRISIS_PURPOSE: &str = "ambulatory-epicrisis";

/// The rules of a refusal, and where.
fn faults(purpose: &str, document: &str) -> Vec<(String, String)> {
    let refusal = shape(purpose, document).unwrap_err();
    refusal.faults.into_iter().map(|fault| (fault.rule.into_owned(), fault.pointer)).collect()
}

fn rules(purpose: &str, document: &str) -> Vec<String> {
    faults(purpose, document).into_iter().map(|(rule, _)| rule).collect()
}

#[test]
fn the_document_leaves_without_what_its_profile_drops_and_its_flags_survive() {
    let outgoing = shape(EPICRISIS_PURPOSE, EPICRISIS).unwrap();
    assert_eq!(outgoing.payload().operation, "file");
    let text = String::from_utf8(outgoing.payload().bytes.to_vec()).unwrap();
    for kept in [
        "<confidentialityCode code=\"R\" codeSystem=\"2.16.840.1.113883.5.25\" displayName=\"suletud\">\
         <translation code=\"N\" codeSystem=\"1.3.6.1.4.1.28284.6.2.2.39.1\" displayName=\"arstile avatud\"/>\
         <translation code=\"R\" codeSystem=\"1.3.6.1.4.1.28284.6.2.2.37.1\" displayName=\"eestkostjale suletud\"/>",
        "extension=\"49003120231\"",
        "code=\"J06.9\"",
        "Kolm päeva köha ja nohu.",
        "value=\"142\" unit=\"g/L\"",
        "<low value=\"117\" unit=\"g/L\"/>",
        "<relatedDocument typeCode=\"RPLC\">",
    ] {
        let there = text.contains(kept) || shaped(EPICRISIS_PURPOSE, &second_version()).contains(kept);
        assert!(there, "{kept}");
    }
    for dropped in ["saata ka emale", "Näidislinn", "+372", "<title>Epikriis", "addr"] {
        assert!(!text.contains(dropped), "{dropped}");
    }
    let categories: Vec<_> =
        outgoing.permit().question().categories.iter().map(|name| name.as_str()).collect();
    assert_eq!(categories, ["administrative", "diagnosis", "encounter", "finding", "identity", "narrative"]);
}

#[test]
fn a_flag_that_is_not_understood_is_refused_and_not_lost() {
    let unknown = epicrisis_with("1.3.6.1.4.1.28284.6.2.2.37.1", "1.3.6.1.4.1.28284.6.2.2.99.1");
    assert_eq!(rules(EPICRISIS_PURPOSE, &unknown), ["value-not-allowed"]);
    let without = EPICRISIS.split_once("  <confidentialityCode").unwrap();
    let without = format!("{}{}", without.0, without.1.split_once("</confidentialityCode>").unwrap().1);
    let missing = rules(EPICRISIS_PURPOSE, &without);
    assert!(missing.iter().all(|rule| rule == "required-missing") && !missing.is_empty(), "{missing:?}");
}

#[test]
fn what_a_kind_does_not_name_is_refused_with_its_place() {
    let section = "/ClinicalDocument/component[1]/structuredBody[1]/component[1]/section[1]";
    for (from, to, place) in [
        ("code=\"ANAM\"", "code=\"BILLING\"", section.into()),
        ("<paragraph>Kolm", "<renderMultiMedia referencedObject=\"x\"/><paragraph>Kolm", format!("{section}/text[1]")),
        ("classCode=\"OBS\" moodCode=\"EVN\">\n              <code code=\"DGN\"", "classCode=\"OBS\" moodCode=\"EVN\" color=\"red\">\n              <code code=\"DGN\"", "/ClinicalDocument/component[1]/structuredBody[1]/component[2]/section[1]/entry[1]/observation[1]".into()),
    ] {
        let found = faults(EPICRISIS_PURPOSE, &epicrisis_with(from, to));
        assert!(!found.is_empty() && found.iter().all(|(_, at)| at.starts_with(&place)), "{place}: {found:?}");
    }
    let embedded = EPICRISIS.split_once("<structuredBody").unwrap().0.to_owned()
        + "<nonXMLBody><text mediaType=\"application/pdf\" representation=\"B64\">JVBERi0=</text></nonXMLBody></component></ClinicalDocument>";
    assert!(rules(EPICRISIS_PURPOSE, &embedded).contains(&"dropped-by-profile".to_owned()));
    let extension = epicrisis_with("<realmCode", "<e:x xmlns:e=\"urn:hl7-EE-DL-Ext:v1\">1</e:x><realmCode");
    assert_eq!(rules(EPICRISIS_PURPOSE, &extension), ["not-in-profile"]);
}

#[test]
fn the_document_s_own_code_decides_under_which_purpose_it_may_go() {
    let refusal = shape("immunisation-notice", EPICRISIS).unwrap_err();
    let first = &refusal.faults[0];
    assert_eq!((refusal.stage, &*first.rule), (Stage::Document, "document-kind"));
    assert_eq!(first.remedy, "declare the purpose `ambulatory-epicrisis`");
    let unknown = epicrisis_with("code=\"2\" ", "code=\"11506-3\" ");
    let refusal = shape(EPICRISIS_PURPOSE, &unknown).unwrap_err();
    assert!(refusal.faults[0].remedy.contains("`84` (immunisation-notice)"), "{refusal:?}");
    assert!(!format!("{refusal:?}").contains("11506-3"));
}

#[test]
fn another_person_s_document_stays() {
    for (from, to, expected) in [
        ("extension=\"49003120231\"", "extension=\"38507140418\"", "wrong-patient"),
        ("extension=\"D01234\"", "extension=\"D99999\"", "wrong-professional"),
        ("Kolm päeva", "Kolm päeva, nagu 38507140418,", "other-person"),
    ] {
        let found = rules(EPICRISIS_PURPOSE, &epicrisis_with(from, to));
        assert!(found.contains(&expected.to_owned()), "{expected}: {found:?}");
    }
    let other = EPICRISIS.replace("10990009\"", "90007945\"");
    let refusal = shape(EPICRISIS_PURPOSE, &other).unwrap_err();
    assert_eq!((refusal.stage, refusal.rule.as_str()), (Stage::Shape, "wrong-custodian"));
}

#[test]
fn a_replacement_says_what_it_replaces() {
    assert_eq!(shape(EPICRISIS_PURPOSE, &second_version()).unwrap().payload().operation, "replace");
    let unsaid = epicrisis_with("<versionNumber value=\"1\"/>", "<versionNumber value=\"2\"/>");
    let itself = second_version().replace("E-2026-0001.2", "E-2026-0001.1");
    let first = second_version().replace("<versionNumber value=\"2\"/>", "<versionNumber value=\"1\"/>");
    let other_set =
        second_version().replacen("<setId root=\"2.999.10990009.1\"", "<setId root=\"2.999.10990009.7\"", 1);
    let addendum = second_version().replace("RPLC", "APND");
    for (document, expected) in [
        (unsaid, "replacement-missing"),
        (itself, "replacement-document"),
        (first, "replacement-version"),
        (other_set, "replacement-document"),
        (addendum, "value-not-allowed"),
    ] {
        assert_eq!(rules(EPICRISIS_PURPOSE, &document)[0], expected);
    }
}

#[test]
fn a_nullification_repeats_nothing_of_the_content() {
    let outgoing = shape("document-nullification", EPICRISIS).unwrap();
    assert_eq!(outgoing.payload().operation, "nullify");
    let text = String::from_utf8(outgoing.payload().bytes.to_vec()).unwrap();
    assert!(text.contains("E-2026-0001.1") && text.contains("49003120231"));
    for kept_back in ["structuredBody", "J06.9", "köha", "AMB"] {
        assert!(!text.contains(kept_back), "{kept_back}");
    }
}

/// Every value of `document`: where it begins and ends, and what it is the value of.
fn values(document: &str) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    let mut element = String::new();
    for (at, c) in document.char_indices() {
        let (before, rest) = (piece(document, ..at), piece(document, at + c.len_utf8()..));
        if c == '<' && rest.starts_with(char::is_alphabetic) {
            element = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned();
        } else if let ('"', Some(before)) = (c, before.strip_suffix('=')) {
            let name = before.rsplit(char::is_whitespace).next().unwrap();
            let end = at + 1 + rest.find('"').unwrap();
            if !name.starts_with("xmlns") && !element.is_empty() {
                found.push((at + 1, end, format!("{element}/@{name}")));
            }
        } else if c == '>' && !rest.starts_with('<') {
            let text = rest.split('<').next().unwrap();
            if !text.trim().is_empty() {
                found.push((at + 1, at + 1 + text.len(), format!("{element}/text()")));
            }
        }
    }
    found
}

/// The values of which a `marker` comes out.
fn leaks(document: &str, marker: &str) -> BTreeSet<String> {
    let values = values(document);
    assert!(values.len() > 120, "{}", values.len());
    let journey = journey();
    let leaking = values.into_iter().filter(|(from, to, _)| {
        let marked = format!("{}{marker}{}", piece(document, ..*from), piece(document, *to..));
        let outgoing = journey.shape_document(&declaration(EPICRISIS_PURPOSE), "application/xml", marked);
        outgoing.is_ok_and(|outgoing| String::from_utf8_lossy(&outgoing.payload().bytes).contains(marker))
    });
    leaking.map(|(_, _, what)| what).collect()
}

#[test]
fn a_sentence_leaves_only_where_the_regulation_has_words() {
    let informant = "<informant><relatedEntity classCode=\"PRS\"><code code=\"mother\"/><telecom value=\"tel:+372\"/>\
        <relatedPerson><name>Ema</name></relatedPerson></relatedEntity></informant>";
    let stuffed = epicrisis_with("<custodian", &format!("{informant}<custodian"));
    let expected = [
        "administrativeGenderCode/@displayName",
        "code/@codeSystemName",
        "code/@displayName",
        "confidentialityCode/@displayName",
        "family/text()",
        "given/text()",
        "interpretationCode/@displayName",
        "name/text()",
        "paragraph/text()",
        "title/text()",
        "translation/@displayName",
        "value/@codeSystemName",
        "value/@displayName",
    ];
    let expected: BTreeSet<_> = expected.map(str::to_owned).into();
    assert_eq!(leaks(&stuffed, "marker of a cause"), expected);
}

#[test]
fn the_policy_says_yes_to_what_the_act_covers_and_names_what_fails_otherwise() {
    let policy = journey().policy;
    let decide = |purpose: &str, basis: [&str; 4], categories: &[&str]| {
        let [gdpr6, gdpr9, act, section] = basis.map(str::to_owned);
        let question = Question {
            client: "ehr".parse().unwrap(),
            destination: "patient-portal".parse().unwrap(),
            purpose: purpose.parse().unwrap(),
            legal_basis: LegalBasis { gdpr6, gdpr9, act, section },
            categories: categories.iter().map(|name| name.parse().unwrap()).collect(),
            evidence: BTreeSet::new(),
            professional: Vouching::Listed,
            standing: Standing::default(),
        };
        match policy.decide(question) {
            Ok(permit) => (permit.rules()[0].clone(), 0),
            Err(denial) => (format!("no: {}", denial.rule), denial.faults.len()),
        }
    };
    let lawful = ["6(1)(c)", "9(2)(h)", "TTKS", "59¹"];
    let rule = "health-information-system";
    let no = format!("no: {rule}");
    for (answer, expected, failed) in [
        (decide("referral", lawful, &["identity", "diagnosis", "narrative"]), rule, 0),
        (decide("dental-card", ["6(1)(c)", "9(2)(h)", "TTKS", "59²"], &["finding"]), rule, 0),
        (decide("referral", ["6(1)(a)", "9(2)(h)", "TTKS", "59¹"], &["finding"]), &no, 1),
        (decide("referral", ["6(1)(c)", "9(2)(g)", "LS", "101"], &["finding"]), &no, 2),
        (decide("referral", lawful, &["finance"]), "no: category-never", 1),
        (decide("referral", lawful, &["picture"]), &no, 1),
        (decide("marketing", lawful, &["identity"]), &no, 1),
    ] {
        assert_eq!(answer, (expected.to_owned(), failed));
    }
}

#[test]
fn every_basis_offered_is_one_that_the_policy_takes() {
    let journey = journey();
    for purpose in &journey.adapter().description().purposes {
        for basis in &purpose.bases {
            let mut declaration = certificate_declaration(purpose.name);
            declaration["legal_basis"] = serde_json::to_value(basis).unwrap();
            let refusal = journey.shape_document(&declaration, purpose.media_types[0], "<x/>").unwrap_err();
            assert_eq!(refusal.stage, Stage::Document, "{} {basis:?}", purpose.name);
        }
    }
}
