//! The channels by which forbidden data slips through XML.

use super::xml::{cleared_xml, run_xml, small, told};
use super::*;

/// Keeps the texts of `a`, of `b` in it, and an attribute.
fn loose() -> Profile {
    small(&["path = \"/r/a/{text(),@k,b/text()}\""])
}

fn of(inside: &str) -> String {
    format!("<r xmlns='urn:r' xmlns:o='urn:o'><a k='1'>2</a>{inside}</r>")
}

const LEFT: &str = "<r xmlns=\"urn:r\"><a k=\"1\">2</a></r>";

#[test]
fn comments_instructions_and_foreign_elements_stay_behind() {
    for inside in [
        "<!-- CANARY -->",
        "<?CANARY CANARY?>",
        "<o:a k='CANARY'>CANARY</o:a>",
        "<a xmlns='urn:other' k='CANARY'>CANARY</a>",
        "<a xmlns='' k='CANARY'>CANARY</a>",
        "<a o:k='CANARY'/>",
        "<CANARY/>",
        "<o:CANARY CANARY='CANARY'/>",
        "CANARY",
        "<![CDATA[CANARY]]>",
        "<a xmlns:CANARY='urn:CANARY'/>",
        "<a xml:lang='CANARY' xml:base='CANARY'/>",
    ] {
        assert_eq!(cleared_xml(&loose(), &of(inside)), LEFT, "{inside}");
    }
    assert_eq!(
        cleared_xml(&loose(), &format!("<?p CANARY?><!--CANARY-->{}<!--CANARY--><?p CANARY?>", of(""))),
        LEFT
    );
}

#[test]
fn cdata_comes_out_as_text_and_markup_in_it_is_no_markup() {
    let out = cleared_xml(&loose(), "<r xmlns='urn:r'><a>1 <![CDATA[& 2]]> &lt; 3</a></r>");
    assert_eq!(out, "<r xmlns=\"urn:r\"><a>1 &amp; 2 &lt; 3</a></r>");
    let script = "<r xmlns='urn:r'><a><![CDATA[<script>alert(1)</script>]]></a></r>";
    assert_eq!(told(&loose(), script), [("active-content".to_owned(), "/r/a[1]/text()".to_owned())]);
}

#[test]
fn nobody_else_is_named_in_texts_attributes_or_piece_by_piece() {
    let (start, end) = STRANGER.split_at(6);
    for (inside, pointer) in [
        (format!("<a>isik {STRANGER}</a>"), "/r/a[2]/text()"),
        (format!("<a k='{STRANGER}'/>"), "/r/a[2]/@k"),
        (format!("<a>{start}<!-- -->{end}</a>"), "/r/a[2]/text()"),
        (format!("<a>{start}<o:x/>{end}</a>"), "/r/a[2]/text()"),
        (format!("<a>{start}<![CDATA[{end}]]></a>"), "/r/a[2]/text()"),
        (format!("<a>{start}<b/>{end}</a>"), "/r/a[2]/text()"),
        (format!("<a>{start}<b><o:x/> </b>{end}</a>"), "/r/a[2]/text()"),
    ] {
        assert_eq!(
            told(&loose(), &of(&inside)),
            [("other-person".to_owned(), pointer.to_owned())],
            "{inside}"
        );
    }
    assert!(run_xml(&loose(), &of(&format!("<a>{SUBJECT} ja {DOCTOR}</a>"))).is_ok());
}

#[test]
fn inline_markup_hides_no_personal_code() {
    let toml = super::xml::CDA.replace("cda:content/text()", "cda:{content,sup}/text()");
    let (start, end) = STRANGER.split_at(6);
    for inside in [
        format!("{start}<content>{end}</content>"),
        format!("<content>{start}</content><sup>{end}</sup>"),
        format!("{start}<content></content>{end}"),
        format!("{start}<content> </content>{end}"),
        format!("<content>{start}</content><br>CANARY</br><sup>{end}</sup>"),
    ] {
        let document = super::xml::SUMMARY.replace("Kõrge ", &inside);
        let told = told(&profile(&toml), &document);
        assert_eq!(told.len(), 1, "{inside}: {told:?}");
        assert_eq!(told[0].0, "other-person");
    }
    // Cells of a table are no line.
    let apart = super::xml::SUMMARY.replace("Kõrge ", &format!("{start}<br/>{end}"));
    assert!(run_xml(&profile(&toml), &apart).is_ok());
}

#[test]
fn what_breaks_a_condition_does_not_pass_in_pieces() {
    let short = small(&["path = \"/r/a/text()\"\nmax_length = 3"]);
    let out = cleared_xml(&short, "<r xmlns='urn:r'><a>ab<o/>cCANARY</a><a>ab<o/>c</a></r>");
    assert_eq!(out, "<r xmlns=\"urn:r\"><a>abc</a></r>");
    let nested = small(&["path = \"/r/a/{text(),b/@c}\"\nmax_length = 3"]);
    let out = cleared_xml(&nested, "<r xmlns='urn:r'><a>ab<b/>CANARY</a></r>");
    assert_eq!(out, "<r xmlns=\"urn:r\"><a>ab</a></r>");
}

#[test]
fn what_names_an_element_does_not_keep_it_alive() {
    let profile = small(&["path = \"/r/{s[c/@d='1']/t/@u,v/@w}\""]);
    let out = cleared_xml(&profile, "<r xmlns='urn:r'><s><c d='1' e='CANARY'/></s><v w='1'/></r>");
    assert_eq!(out, "<r xmlns=\"urn:r\"><v w=\"1\"/></r>");
}

#[test]
fn an_empty_element_leaves_only_if_it_is_empty_and_named() {
    let profile = small(&["path = \"/r/{a/text(),e}\""]);
    let out = cleared_xml(
        &profile,
        "<r xmlns='urn:r'><a>1</a><a/><e/><e> </e><e k='CANARY'></e><e>CANARY</e><e><o/></e></r>",
    );
    assert_eq!(out, "<r xmlns=\"urn:r\"><a>1</a><e/><e/><e/></r>");
}

#[test]
fn a_drop_wins_over_every_keep() {
    let toml = super::xml::CDA.to_owned()
        + "[[drop]]\npath = \"/cda:ClinicalDocument/cda:recordTarget/cda:patientRole/cda:patient\"\nwhy = \"names\"\non_excess = \"refuse\"\n";
    let told = told(&profile(&toml), super::xml::SUMMARY);
    let pointer = "/ClinicalDocument/recordTarget[1]/patientRole[1]/patient[1]";
    assert_eq!(told, [("dropped-by-profile".to_owned(), pointer.to_owned())]);
}

#[test]
fn what_is_not_strict_xml_is_refused_also_where_nothing_is_kept() {
    for (inside, rule) in [
        ("<o:x><y></o:x>", "xml-mismatched-tag"),
        ("<o:x k='1' k='2'/>", "xml-duplicate-attribute"),
        ("<o:x>&CANARY;</o:x>", "xml-undeclared-entity"),
        ("<CANARY:x/>", "xml-undeclared-prefix"),
        ("<o:x>\u{1}</o:x>", "xml-illegal-character"),
    ] {
        assert_eq!(told(&loose(), &of(inside))[0].0, rule, "{inside}");
    }
    assert_eq!(told(&loose(), &format!("<!DOCTYPE r>{}", of("")))[0].0, "xml-doctype");
}
