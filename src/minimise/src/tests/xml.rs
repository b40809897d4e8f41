//! Promises about XML, on a made-up CDA document.

use super::*;

/// A summary with much that its profile does not name.
pub(super) const SUMMARY: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type="text/xsl" href="CANARY.xsl"?>
<!-- CANARY -->
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xmlns:sdtc="urn:hl7-org:sdtc" xmlns:own="urn:CANARY" xsi:schemaLocation="urn:hl7-org:v3 CANARY.xsd">
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <id root="1.2.3" extension="4" assigningAuthorityName="CANARY"/>
  <code code="18842-5" codeSystem="2.16.840.1.113883.6.1" displayName="CANARY"/>
  <title>Epikriis &amp; <![CDATA[3 < 4]]></title>
  <effectiveTime value="202611221015+0200"/>
  <recordTarget>
    <patientRole>
      <id root="1.2.3.9" extension="CANARY"/>
      <id root="1.3.6.1.4.1.28284.6.2.2.1" extension="60001017869"/>
      <addr><city>CANARY</city></addr>
      <patient><name><given>Mari</given><family>Tamm</family></name><sdtc:deceasedInd value="CANARY"/></patient>
    </patientRole>
  </recordTarget>
  <component>
    <structuredBody>
      <component>
        <section>
          <templateId root="1.2.9"/>
          <templateId root="1.2.10" extension="CANARY"/>
          <code code="11450-4" codeSystem="2.16.840.1.113883.6.1"/>
          <title>Diagnoosid</title>
          <text><paragraph styleCode="CANARY">Kõrge <content ID="CANARY">vererõhk</content><br/>ravil <own:b>CANARY</own:b><!-- CANARY -->alates</paragraph></text>
          <entry typeCode="DRIV">
            <observation>
              <value xsi:type="CD" code="I11.9" codeSystem="1.3.6.1.4.1.28284.6.2.1.13" displayName="CANARY"/>
              <value xsi:type="PQ" value="138" unit="CANARY"/>
              <value xsi:type="own:CANARY" code="CANARY"/>
            </observation>
          </entry>
        </section>
      </component>
      <component>
        <section>
          <code code="10164-2"/>
          <title>CANARY</title>
          <text>CANARY</text>
        </section>
      </component>
    </structuredBody>
  </component>
</ClinicalDocument>
"#;

pub(super) const CDA: &str = r#"
profile = "summary"
version = "1"
format = "xml"
root = "cda:ClinicalDocument"
on_excess = "strip"

[namespaces]
"" = "urn:hl7-org:v3"
cda = "urn:hl7-org:v3"
xsi = "http://www.w3.org/2001/XMLSchema-instance"

[subject]
paths = ["/cda:ClinicalDocument/cda:recordTarget/cda:patientRole/cda:id"]

[subject.systems]
"https://fhir.ee/sid/pid/est/ni" = "1.3.6.1.4.1.28284.6.2.2.1"

[[keep]]
path = "/cda:ClinicalDocument/{cda:id/{@root,@extension},cda:title/text(),cda:code/@code}"
category = "administrative"
ground = "reg53"
required = true

[[keep]]
path = "/cda:ClinicalDocument/cda:effectiveTime/@value"
kind = "timestamp"
category = "administrative"
ground = "reg53"

[[keep]]
path = "/cda:ClinicalDocument/cda:recordTarget/cda:patientRole/cda:id[@root='1.3.6.1.4.1.28284.6.2.2.1']/@extension"
equals = "declared-subject"
category = "identity"
ground = "reg53"
required = true

[[keep]]
path = "/cda:ClinicalDocument/cda:recordTarget/cda:patientRole/cda:patient/cda:name/{cda:given,cda:family}/text()"
category = "identity"
ground = "reg53"

[[keep]]
path = "/cda:ClinicalDocument/cda:component/cda:structuredBody/cda:component/cda:section[any cda:templateId/@root='1.2.9'][cda:code/@code='11450-4']/cda:{title/text(),text/cda:paragraph/{text(),cda:br,cda:content/text()}}"
category = "diagnosis"
ground = "reg53"

[[keep]]
path = "/cda:ClinicalDocument/cda:component/cda:structuredBody/cda:component/cda:section[cda:code/@code='11450-4']/cda:entry/cda:observation/cda:value[@xsi:type='CD']/{@code,@codeSystem}"
category = "diagnosis"
ground = "reg53"
coded_only = true
"#;

/// A message of several bills, each of which names its patient by a text.
const BILLS: &str = r#"
profile = "bills"
version = "1"
format = "xml"
root = "bills"

[subject]
paths = ["/bills/bill/patient/text()"]

[[keep]]
path = "/bills/bill/patient/text()"
equals = "declared-subject"
category = "identity"
ground = "RaKS"
"#;

#[test]
fn a_text_may_name_the_declared_subject_again_and_again_and_nobody_else() {
    let profile = Profile::parse("bills", BILLS).unwrap();
    let bills = |last: &str| {
        let own = "<bill><patient>60001017869</patient></bill>";
        format!("<bills>{own}{own}<bill><patient>{last}</patient></bill></bills>")
    };
    let cleared = cleared_xml(&profile, &bills("60001017869"));
    assert_eq!(cleared, bills("60001017869"));
    let faults = run_xml(&profile, &bills("49903136515")).unwrap_err();
    assert!(faults.iter().any(|fault| fault.rule == "wrong-patient"), "{faults:?}");
}

pub(super) fn run_xml(profile: &Profile, document: &str) -> Result<Projection, Vec<Fault>> {
    with_declared(|declared| project(profile, declared, document.as_bytes()))
}

/// The output; neither it nor the manifest holds a canary.
pub(super) fn cleared_xml(profile: &Profile, document: &str) -> String {
    let projection = run_xml(profile, document).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let manifest = String::from_utf8(projection.manifest.to_bytes()).unwrap();
    assert!(!manifest.contains(CANARY), "{manifest}");
    let output = String::from_utf8(projection.document).unwrap();
    assert!(!output.contains(CANARY), "{output}");
    let again = run_xml(profile, &output).unwrap_or_else(|faults| panic!("{output}: {faults:#?}"));
    assert_eq!(String::from_utf8(again.document).unwrap(), output, "projecting again changes nothing");
    output
}

/// Rule and pointer of every fault.
pub(super) fn told(profile: &Profile, document: &str) -> Vec<(String, String)> {
    let faults =
        run_xml(profile, document).map(|projection| String::from_utf8(projection.document)).unwrap_err();
    assert!(!format!("{faults:?}").contains(CANARY), "{faults:?}");
    faults.into_iter().map(|fault| (fault.rule.into_owned(), fault.pointer)).collect()
}

/// A profile of `<r xmlns="urn:r">` whose entries are these keys and values; it acts on what the destination has.
pub(super) fn small(entries: &[&str]) -> Profile {
    let entries =
        entries.iter().map(|entry| format!("[[keep]]\n{entry}\ncategory = \"x\"\nground = \"x\"\n"));
    profile(&format!(
        "profile = \"p\"\nversion = \"1\"\nformat = \"xml\"\nroot = \"r\"\non_excess = \"strip\"\n[namespaces]\n\"\" = \"urn:r\"\nx = \"urn:x\"\nxsi = \"http://www.w3.org/2001/XMLSchema-instance\"\n[subject]\npaths = []\n{}",
        entries.collect::<String>()
    ))
}

#[test]
fn a_summary_leaves_with_what_the_profile_names_and_nothing_else() {
    let output = cleared_xml(&profile(CDA), SUMMARY);
    let expected = concat!(
        r#"<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="1.2.3" extension="4"/><code code="18842-5"/>"#,
        r#"<title>Epikriis &amp; 3 &lt; 4</title><effectiveTime value="202611221015+0200"/>"#,
        r#"<recordTarget><patientRole><id root="1.3.6.1.4.1.28284.6.2.2.1" extension="60001017869"/>"#,
        r#"<patient><name><given>Mari</given><family>Tamm</family></name></patient></patientRole></recordTarget>"#,
        r#"<component><structuredBody><component><section><templateId root="1.2.9"/><code code="11450-4"/>"#,
        r#"<title>Diagnoosid</title><text><paragraph>Kõrge <content>vererõhk</content><br/>ravil alates</paragraph></text>"#,
        r#"<entry><observation><value xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CD" code="I11.9" "#,
        r#"codeSystem="1.3.6.1.4.1.28284.6.2.1.13"/></observation></entry></section></component></structuredBody>"#,
        r#"</component></ClinicalDocument>"#,
    );
    assert_eq!(output, expected);
}

#[test]
fn the_manifest_counts_every_value_and_shows_only_public_names() {
    let projection = run_xml(&profile(CDA), SUMMARY).unwrap();
    let shown: BTreeSet<String> =
        projection.manifest.dropped().iter().map(|dropped| dropped.path.clone()).collect();
    for path in [
        "/cda:ClinicalDocument/comment()",
        "/cda:ClinicalDocument/processing-instruction()",
        "/cda:ClinicalDocument/@xsi:schemaLocation",
        "/cda:ClinicalDocument/cda:typeId",
        "/cda:ClinicalDocument/cda:id/@assigningAuthorityName",
        "/cda:ClinicalDocument/cda:recordTarget/cda:patientRole/cda:addr",
        "/cda:ClinicalDocument/cda:recordTarget/cda:patientRole/cda:patient/*",
    ] {
        assert!(shown.contains(path), "{path} in {shown:#?}");
    }
    // Attributes and texts of the document, comments and instructions.
    assert_eq!(projection.manifest.values(), (15, 4, 29));
    assert_eq!(projection.subject, SubjectProof::ByIdentifier);
}

#[test]
fn the_subject_is_read_wherever_it_stands() {
    let cda = profile(CDA);
    let id = r#"<id root="1.3.6.1.4.1.28284.6.2.2.1" extension="60001017869"/>"#;
    let another = id.replace(SUBJECT, STRANGER);
    let role = "/ClinicalDocument/recordTarget[1]/patientRole[1]";
    let of = |from: &str, to: &str| told(&cda, &SUMMARY.replace(from, to));
    let rule = |rule: &str, pointer: String| (rule.to_owned(), pointer);
    assert!(of(id, &another).contains(&rule("wrong-patient", format!("{role}/id[2]/@extension"))));
    assert!(
        of(id, &format!("{id}{another}"))
            .contains(&rule("wrong-patient", format!("{role}/id[3]/@extension")))
    );
    assert!(of(id, "").contains(&rule("subject-missing", format!("{role}/id[1]"))));
    let nobody = told(&cda, &SUMMARY.replace("recordTarget>", "author>"));
    assert!(nobody.contains(&rule("subject-missing", String::new())));
    let twice = of(
        "<component>\n    <structuredBody>",
        &format!("<recordTarget><patientRole>{id}</patientRole></recordTarget><component><structuredBody>"),
    );
    assert_eq!(
        twice,
        [rule("several-subjects", "/ClinicalDocument/recordTarget[2]/patientRole[1]/id[1]".to_owned())]
    );
}

#[test]
fn the_subject_is_read_also_in_what_does_not_leave() {
    let toml = CDA
        .replace("cda:recordTarget/cda:patientRole/cda:id[", "cda:author/cda:id[")
        .replace("required = true", "");
    let toml = toml.replace("cda:recordTarget/cda:patientRole/cda:patient", "cda:author");
    let cda = profile(&toml);
    assert!(!cleared_in(&cda, SUMMARY).contains("recordTarget"));
    let another = told(&cda, &SUMMARY.replace(SUBJECT, STRANGER));
    assert_eq!(
        another,
        [("wrong-patient".to_owned(), "/ClinicalDocument/recordTarget[1]/@extension".to_owned())]
    );
}

fn cleared_in(profile: &Profile, document: &str) -> String {
    String::from_utf8(run_xml(profile, document).unwrap_or_else(|faults| panic!("{faults:#?}")).document)
        .unwrap()
}

#[test]
fn a_subject_may_be_an_attribute_or_a_text() {
    for (path, document) in [
        ("/r/a/@b", "<r xmlns='urn:r'><a b='{}'/><c d='e'/></r>"),
        ("/r/a/text()", "<r xmlns='urn:r'><a>{}</a><c d='e'/></r>"),
        ("/r/@b", "<r xmlns='urn:r' b='{}'><c d='e'/></r>"),
    ] {
        let toml = format!(
            "profile='p'\nversion='1'\nformat='xml'\nroot='r'\non_excess='strip'\nnamespaces.''='urn:r'\nsubject.paths=['{path}']\n[[keep]]\npath='/r/c/@d'\ncategory='x'\nground='x'\n"
        );
        let profile = profile(&toml);
        assert!(run_xml(&profile, &document.replace("{}", SUBJECT)).is_ok(), "{path}");
        assert_eq!(told(&profile, &document.replace("{}", STRANGER))[0].0, "wrong-patient", "{path}");
    }
}

#[test]
fn a_document_with_another_root_is_not_looked_into() {
    let other = SUMMARY.replace("ClinicalDocument", "Document");
    assert_eq!(told(&profile(CDA), &other), [("wrong-resource".to_owned(), String::new())]);
    let namespace = SUMMARY.replace("xmlns=\"urn:hl7-org:v3\"", "xmlns=\"urn:hl7-org:v4\"");
    assert_eq!(told(&profile(CDA), &namespace), [("wrong-resource".to_owned(), String::new())]);
}

#[test]
fn prefixes_are_the_profiles_whatever_the_document_uses() {
    let profile = small(&["path = \"/r/{a/text(),x:b/@x:c}\""]);
    let expected = r#"<r xmlns="urn:r"><a>1</a><x:b xmlns:x="urn:x" x:c="2"/></r>"#;
    for document in [
        "<r xmlns='urn:r' xmlns:x='urn:x'><a>1</a><x:b x:c='2'/></r>",
        "<CANARY:r xmlns:CANARY='urn:r' xmlns:r='urn:x'><CANARY:a>1</CANARY:a><r:b r:c='2'/></CANARY:r>",
        "<x:r xmlns:x='urn:r'><x:a>1</x:a><b xmlns='urn:x' xmlns:x='urn:x' x:c='2'/></x:r>",
    ] {
        assert_eq!(cleared_xml(&profile, document), expected);
    }
}

#[test]
fn types_are_compared_by_what_they_name() {
    let profile = small(&[
        "path = \"/r/v[@xsi:type='x:T']/@a\"",
        "path = \"/r/w/@xsi:type\"\none_of = [\"x:T\", \"U\"]",
    ]);
    let xsi = "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'";
    let run = |inside: &str| {
        let document = format!(
            "<r xmlns='urn:r' xmlns:q='urn:x' xmlns:o='urn:o' {xsi}><v xsi:type='q:T' a='1'/>{inside}</r>"
        );
        cleared_xml(&profile, &document)
    };
    let v = "<v xmlns:x=\"urn:x\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"x:T\" a=\"1\"/>";
    assert_eq!(run(""), format!("<r xmlns=\"urn:r\">{v}</r>"));
    let with_type = run(
        "<w xsi:type='U'/><w xsi:type='o:U'/><w xsi:type='o:T'/><w xsi:type='T'/><v xsi:type='o:T' a='2'/><v xsi:type='T' a='3'/>",
    );
    assert_eq!(with_type.matches("xsi:type=").count(), 2, "{with_type}");
    assert!(with_type.contains("xsi:type=\"U\"/>"), "{with_type}");
}

#[test]
fn a_condition_holds_of_every_value_and_any_of_one() {
    let every = small(&["path = \"/r/s[c/@d='1']/t/@u\""]);
    let any = small(&["path = \"/r/s[any c/@d='1']/t/@u\""]);
    let with =
        |codes: &str| format!("<r xmlns='urn:r'><s><t u='9'/>{codes}</s><s><c d='1'/><t u='8'/></s></r>");
    let other = "<s><c d=\"1\"/><t u=\"8\"/></s></r>";
    let out = |profile: &Profile, codes: &str| {
        cleared_xml(profile, &with(codes)).replace(other, "").replace("<r xmlns=\"urn:r\">", "")
    };
    assert_eq!(out(&every, "<c d='1'/><c/><c d='1'/>"), "<s><t u=\"9\"/><c d=\"1\"/><c d=\"1\"/></s>");
    assert_eq!(out(&every, "<c d='2'/><c d='1'/>"), "");
    assert_eq!(out(&every, "<c/>"), "");
    assert_eq!(out(&any, "<c d='2'/><c d='1'/>"), "<s><t u=\"9\"/><c d=\"1\"/></s>");
    // The first decides; a later one that differs leaves nobody in doubt.
    assert_eq!(
        told(&every, &with("<c d='1'/><c d='2'/>")),
        [("ambiguous-condition".to_owned(), "/r/s[1]/c[2]/@d".to_owned())]
    );
}

#[test]
fn what_tells_an_element_must_not_stand_too_far_inside_it() {
    let every = small(&["path = \"/r/s[c/@d='1']/t/text()\""]);
    let far = format!("<r xmlns='urn:r'><s><t>{}</t><c d='1'/></s></r>", "a ".repeat(1000));
    let limits = Limits { look_ahead_bytes_max: 1000, ..Limits::default() };
    let faults =
        with_declared(|declared| project(&every, &Declared { limits, ..declared.clone() }, far.as_bytes()));
    assert_eq!(rules(&faults.unwrap_err()), ["look-ahead-exceeded"]);
    assert!(run_xml(&every, &far).is_ok());
}

#[test]
fn an_attachment_leaves_only_as_base64() {
    let document = format!("<r xmlns='urn:r'><b>\n{}\n{}\n</b></r>", "QUJD".repeat(19), "QUJD".repeat(80));
    let expected = format!("<r xmlns=\"urn:r\"><b>{}</b></r>", "QUJD".repeat(99));
    assert_eq!(cleared_xml(&small(&["path = \"/r/b/text()\"\nkind = \"base64\""]), &document), expected);
    let folded = document.replace('\n', "");
    assert_eq!(
        told(&small(&["path = \"/r/b/text()\""]), &folded),
        [("attachment".to_owned(), "/r/b[1]/text()".to_owned())]
    );
}

#[test]
fn a_profile_that_refuses_tells_of_everything() {
    let strict = CDA.replace("on_excess = \"strip\"", "on_excess = \"refuse\"");
    let told = told(&profile(&strict), SUMMARY);
    for pointer in [
        "/processing-instruction()",
        "/comment()",
        "/ClinicalDocument/@xsi:schemaLocation",
        "/ClinicalDocument/typeId[1]",
        "/ClinicalDocument/id[1]/@assigningAuthorityName",
        "/ClinicalDocument/recordTarget[1]/patientRole[1]/addr[1]",
        "/ClinicalDocument/recordTarget[1]/patientRole[1]/patient[1]/*[2]",
        "/ClinicalDocument/component[1]/structuredBody[1]/component[1]/section[1]/text[1]/paragraph[1]/*[3]",
        "/ClinicalDocument/component[1]/structuredBody[1]/component[2]/section[1]",
    ] {
        let fault = ("not-in-profile".to_owned(), pointer.to_owned());
        assert!(told.contains(&fault), "{pointer} in {told:#?}");
    }
}

#[test]
fn samples_leave_stripped_to_the_profile_or_are_refused_with_the_complete_list() {
    let Some(samples) = std::env::var_os("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    let toml = CDA.replace(
        "\"https://fhir.ee/sid/pid/est/ni\" = \"1.3.6.1.4.1.28284.6.2.2.1\"",
        "\"urn:sample\" = \"2.16.840.1.113883.19.5.99999.2\"",
    );
    let toml = toml.replace(
        "cda:id[@root='1.3.6.1.4.1.28284.6.2.2.1']/@extension\"\nequals = \"declared-subject\"",
        "cda:id[@root='2.16.840.1.113883.19.5.99999.2']/@extension\"\nequals = \"declared-subject\"",
    );
    for (file, code) in [("discharge-summary.xml", "998991"), ("diagnostic-imaging-report.xml", "12345")] {
        let document = std::fs::read(std::path::Path::new(&samples).join("cda").join(file)).unwrap();
        let subject = Identifier { system: "urn:sample".to_owned(), value: Private::new(code) };
        let run = |toml: &str| {
            let profile = profile(toml);
            with_declared(|declared| {
                project(&profile, &Declared { subject: &subject, ..declared.clone() }, &document)
            })
        };
        match run(&toml) {
            Ok(projection) => {
                let output = String::from_utf8(projection.document).unwrap();
                println!("{file}: {} of {} bytes: {output:.300}", output.len(), document.len());
                assert!(output.len() < document.len() / 4 && output.contains("<title>"));
                for private in ["Beaverton", "tel:", "Ralph", "guardian", "<!--"] {
                    assert!(!output.contains(private), "{private}");
                }
            }
            Err(faults) => {
                println!("{file}: {faults:#?}");
                assert_eq!(file, "diagnostic-imaging-report.xml", "{faults:#?}");
            }
        }
        let refused = run(&toml.replace("on_excess = \"strip\"", "on_excess = \"refuse\"")).unwrap_err();
        assert!(refused.len() > 50, "{}", refused.len());
    }
}
