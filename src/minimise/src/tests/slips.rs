//! The channels by which forbidden data slips through, each closed.

use super::*;

/// Puts `value` at `pointer` of a document for an employer, and expects it gone.
fn goes(pointer: &str, value: Value) -> Vec<String> {
    let mut document = occupational();
    let (above, name) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(above).unwrap()[name] = value;
    let (output, dropped) = cleared(&profile(EMPLOYER), &document);
    let (clean, _) = cleared(&profile(EMPLOYER), &occupational());
    assert_eq!(output, clean);
    dropped
}

fn told(dropped: &[String], path: &str) {
    assert!(dropped.iter().any(|dropped| dropped == path), "{path}: {dropped:#?}");
}

#[test]
fn narrative_goes() {
    let dropped = goes("/section/1/text", json!({ "div": format!("<div>{CANARY}</div>") }));
    told(&dropped, "Composition.text");
    told(&dropped, "Composition.section[code=decision].text");
}

#[test]
fn notes_displays_titles_and_concept_texts_go() {
    let dropped = goes("/contained/0/valueCodeableConcept/text", json!(CANARY));
    for path in [
        "Composition.contained(Observation)[code=419183001].note",
        "Composition.section[code=decision].title",
        "Composition.title",
        "Composition.contained(Observation)[code=419183001].valueCodeableConcept.text",
        "Composition.contained(Observation)[code=419183001].valueCodeableConcept.coding.display",
    ] {
        told(&dropped, path);
    }
}

#[test]
fn the_display_of_a_reference_goes() {
    told(&goes("/section/1/entry/0/type", json!(CANARY)), "Composition.section[code=decision].entry.display");
}

#[test]
fn unreferenced_contained_resources_go() {
    let mut document = occupational();
    let mut second = document["contained"][0].clone();
    second["id"] = json!("second");
    second["valueCodeableConcept"]["coding"][0]["code"] = json!("160910001");
    document["contained"].as_array_mut().unwrap().push(second);
    let (output, dropped) = cleared(&profile(EMPLOYER), &document);
    assert_eq!(output["contained"].as_array().unwrap().len(), 2);
    told(&dropped, "Composition.contained(Observation)[code=419183001]");
}

#[test]
fn extensions_go_also_those_of_primitive_values() {
    for name in ["extension", "modifierExtension", "_status", "_identifier"] {
        let extension = json!([{ "url": "http://a.ee/x", "valueString": CANARY }]);
        told(&goes(&format!("/{name}"), extension), &format!("Composition.{name}"));
    }
    let dropped = goes("/event/0/period/_start", json!({ "extension": [{ "valueString": CANARY }] }));
    told(&dropped, "Composition.event.period._start");
}

#[test]
fn the_array_form_of_a_primitive_extension_goes_even_if_named() {
    let named = EMPLOYER.replace("why = ", "why=").replace(
        "Composition.{identifier.system",
        "Composition.{_title.extension.valueString,title,identifier.system",
    );
    let mut document = occupational();
    document["title"] = json!("a");
    document["_title"] = json!([{ "extension": [{ "valueString": "b" }] }]);
    let faults = refused(&profile(&named), &document);
    assert_eq!(faults, ["required-missing"]);
    document["_title"] = json!({ "extension": [{ "valueString": "b" }] });
    let (output, _) = cleared(&profile(&named), &document);
    assert_eq!(output["_title"]["extension"][0]["valueString"], "b");
}

#[test]
fn tags_and_assigners_go() {
    let dropped = goes("/meta/security", json!([{ "code": CANARY }]));
    told(&dropped, "Composition.meta");
    told(&dropped, "Composition.identifier.assigner");
}

#[test]
fn bundle_entries_have_no_path() {
    goes("/entry", json!([{ "resource": occupational() }]));
    let bundle = json!({ "resourceType": "Bundle", "entry": [{ "resource": occupational() }] });
    assert_eq!(refused(&profile(EMPLOYER), &bundle), ["wrong-resource"]);
}

#[test]
fn attachments_go() {
    let attachment = json!({ "contentType": "application/pdf", "data": CANARY });
    told(
        &goes("/contained/0/valueAttachment", attachment),
        "Composition.contained(Observation)[code=419183001].valueAttachment",
    );
}

#[test]
fn an_attachment_inside_a_kept_text_is_refused() {
    let mut document = driver();
    document["identifier"][0]["value"] = json!("data:application/pdf;base64,AAAA");
    assert_eq!(refused(&profile(DRIVER), &document), ["attachment"]);
}

#[test]
fn a_name_means_the_same_however_it_is_escaped() {
    let plain = occupational().to_string();
    let escaped = plain.replace("\"section\"", "\"\\u0073ection\"").replace("\"note\"", "\"not\\u0065\"");
    assert_ne!(plain, escaped);
    let subject = subject();
    let declared = Declared {
        subject: &subject,
        recipient: None,
        evidence: BTreeSet::new(),
        others: vec![],
        limits: Limits::default(),
    };
    let of = |text: &str| project(&profile(EMPLOYER), &declared, text.as_bytes()).unwrap().document;
    assert_eq!(of(&plain), of(&escaped));
}

#[test]
fn names_that_look_alike_are_other_names_and_are_not_repeated() {
    for name in [
        "st\u{430}tus",
        "sta\u{200b}tus",
        "ｓtatus",
        "Status",
        "sect\u{456}on",
        "Mari Maasikas",
        "ti\u{308}tle",
    ] {
        told(&goes(&format!("/{name}"), json!(CANARY)), "Composition.*");
    }
}

#[test]
fn a_code_that_looks_alike_picks_nothing() {
    let mut document = occupational();
    document["section"][1]["code"]["coding"][0]["code"] = json!("de\u{441}ision");
    let faults = refused(&profile(EMPLOYER), &document);
    assert_eq!(faults, ["required-missing"]);
}

#[test]
fn a_number_in_quotes_is_no_number_and_a_text_is_no_quantity() {
    for value in
        [json!("10.5"), json!(CANARY), json!({ "x": CANARY }), json!([[CANARY]]), json!(null), json!(true)]
    {
        let mut document = occupational();
        document["contained"][1]["component"][0]["valueQuantity"]["value"] = value;
        let (output, _) = cleared(&profile(EMPLOYER), &document);
        assert_eq!(output["contained"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn what_is_nested_deeper_or_shallower_than_its_path_goes() {
    goes("/identifier/0/period", json!({ "value": { "value": CANARY } }));
    let mut document = occupational();
    document["event"] = json!([[{ "period": { "start": CANARY } }], CANARY, { "period": [{ "start": { "start": CANARY } }] }]);
    let (output, _) = cleared(&profile(EMPLOYER), &document);
    assert_eq!(output.get("event"), None);
}

#[test]
fn a_concept_with_two_codes_of_one_system_is_not_believed() {
    let mut document = occupational();
    document["section"][4]["code"]["coding"].as_array_mut().unwrap().push(json!({
        "system": "https://fhir.ee/CodeSystem/tervisetoendi-sektsioon", "code": "medical-restrictions"
    }));
    document["section"][4]["entry"] = json!([{ "reference": "Observation/1" }]);
    let (output, _) = cleared(&profile(EMPLOYER), &document);
    assert_eq!(output["section"].as_array().unwrap().len(), 2);
}
