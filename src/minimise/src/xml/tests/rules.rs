//! The rules of XML 1.0 and of Namespaces, one table each: what is accepted, what is refused and why.

use super::*;

fn all_are(expected: Result<(), Reason>, documents: &[&str]) {
    for document in documents {
        assert_eq!(reason(document), expected, "{document}");
    }
}

#[test]
fn well_formed_documents_are_read() {
    all_are(
        Ok(()),
        &[
            "<a/>",
            "<a />",
            "<a></a >",
            "\n<a\n b\t=\r\n'c'\n/>\n",
            "\u{FEFF}<a/>",
            "\u{FEFF}<?xml version='1.0'?><a/>",
            "<?xml version=\"1.0\" encoding='utf-8' standalone = 'no' ?><a/>",
            "<?xml version='1.0' encoding='US-ASCII'?><a>&#xF5;</a>",
            "<!-- a - b --><?p?><a/><!----><?p  data ?>",
            "<?xml-stylesheet href='a'?><a/>",
            "<õ é='ü'>名前</õ>",
            "<a·b:c\u{300} xmlns:a·b='u'/>",
            "<a>]] > ]]&gt; &lt;&amp;&apos;&quot;&gt; ]</a>",
            "<a><![CDATA[<&]]]]><![CDATA[>]]><![CDATA[]]></a>",
            "<a b='\"' c=\"'>\"/>",
            "<a>\u{FFFD}\u{10FFFF}\u{7F}\u{EF00}</a>",
            "<a xml:lang='et'/>",
            "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns='u'><b xmlns=''/></a>",
            "<a xmlns:p='u' xmlns:q='v' p:b='' q:b='' b=''/>",
            "<a><?xmls a?><?p ?b?c?></a>",
            "<a>&#x10FFFF;&#0000000065;</a>",
        ],
    );
}

#[test]
fn every_document_type_declaration_is_refused() {
    all_are(
        Err(Reason::Doctype),
        &[
            "<!DOCTYPE a><a/>",
            "<?xml version='1.0'?>\n<!-- c --><!DOCTYPE a SYSTEM 'x'><a/>",
            "<a><!DOCTYPE a></a>",
        ],
    );
    all_are(Err(Reason::UnknownMarkup), &["<!doctype a><a/>", "<!ELEMENT a ANY><a/>", "<a><![cdata[]]></a>"]);
}

#[test]
fn a_declaration_is_at_the_very_start_and_says_version_1_0_and_utf_8() {
    all_are(
        Err(Reason::MisplacedDeclaration),
        &[" <?xml version='1.0'?><a/>", "<a><?xml version='1.0'?></a>", "<a/><?xml version='1.0'?>"],
    );
    all_are(
        Err(Reason::OtherVersion),
        &["<?xml version='1.1'?><a/>", "<?xml version=''?><a/>", "<?xml version='2.0'?><a/>"],
    );
    all_are(
        Err(Reason::BadDeclaration),
        &[
            "<?xml ?><a/>",
            "<?xml encoding='UTF-8'?><a/>",
            "<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>",
            "<?xml version='1.0'encoding='UTF-8'?><a/>",
            "<?xml version='1.0' standalone='maybe'?><a/>",
            "<?xml version='1.0' encoding=''?><a/>",
            "<?xml version='1.0' encoding='8UTF'?><a/>",
            "<?xml version=\"1.0'?><a/>",
            "<?xml version='1.0' x='y'?><a/>",
            "<?xml version='1.0' ? ?><a/>",
        ],
    );
    all_are(Err(Reason::ReservedTarget), &["<?XML version='1.0'?><a/>", "<a><?xMl?></a>"]);
}

#[test]
fn other_encodings_are_refused_by_name_and_by_look() {
    all_are(
        Err(Reason::OtherEncoding),
        &[
            "<?xml version='1.0' encoding='UTF-16'?><a/>",
            "<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
            "<\0a\0/\0>\0",
            "\0<\0a\0/\0>",
        ],
    );
    for document in [b"\xFF\xFE<\0a\0/\0>\0".as_slice(), b"\xFE\xFF\0<\0a\0/\0>"] {
        assert_eq!(reason(document), Err(Reason::OtherEncoding));
    }
    for document in [b"<a>\xC0\x80</a>".as_slice(), b"<a>\xED\xA0\x80</a>", b"<a>\xFF</a>", b"<a/>\xC3"] {
        assert_eq!(reason(document), Err(Reason::NotUtf8), "{document:?}");
    }
    let ascii = "<?xml version='1.0' encoding='us-ascii'?><a>õ</a>";
    assert_eq!(read(ascii).unwrap_err(), malformed(Reason::NotAscii, 44, 1, 45));
}

fn malformed(reason: Reason, offset: usize, line: usize, column: usize) -> Malformed {
    Malformed { reason, offset, line, column }
}

#[test]
fn elements_are_nested_in_one_root() {
    all_are(Err(Reason::MismatchedEnd), &["<a></b>", "<a></aa>", "<a></A>", "<aa></a>", "</a>", "<a/></a>"]);
    all_are(Err(Reason::MismatchedEnd), &["<p:a xmlns:p='u' xmlns:q='u'></q:a>"]);
    all_are(
        Err(Reason::EndsEarly),
        &["", " ", "<a>", "<a", "<a b='", "<!--", "<a><b></b>", "<a>]]", "<a>&am", "<"],
    );
    all_are(Err(Reason::SecondRoot), &["<a/><b/>", "<a></a><a></a>"]);
    all_are(
        Err(Reason::TextOutside),
        &[
            "a<a/>",
            "<a/>b",
            "<a/>&lt;",
            "&#32;<a/>",
            "<![CDATA[]]><a/>",
            "<a/><![CDATA[]]>",
            "\u{FEFF}\u{FEFF}<a/>",
        ],
    );
}

#[test]
fn tags_have_the_form_of_tags() {
    all_are(
        Err(Reason::NameExpected),
        &["<1/>", "< a/>", "<a -b=''/>", "<a>&amp;<></></a>", "<a ='b'/>", "<×/>", "<\u{300}/>"],
    );
    all_are(Err(Reason::SpaceExpected), &["<a b=''c=''/>", "<a\u{A0}b=''/>", "<a×/>", "<a\"\"/>"]);
    all_are(Err(Reason::EqualsExpected), &["<a b/>", "<a b c=''/>", "<a b>"]);
    all_are(Err(Reason::QuoteExpected), &["<a b=c/>", "<a b=/>", "<a b=>"]);
    all_are(Err(Reason::TagEndExpected), &["<a/ >", "<a b=''/b>", "<a></a b=''>"]);
    all_are(Err(Reason::LessThanInValue), &["<a b='<'/>", "<a b=\"a&lt;<\"/>"]);
}

#[test]
fn text_and_what_stands_beside_it_has_the_form_it_must_have() {
    all_are(Err(Reason::SectionEndInText), &["<a>]]></a>", "<a>b]]]></a>"]);
    all_are(Err(Reason::DoubleHyphen), &["<!-- -- --><a/>", "<a><!-- b ---></a>", "<!----->"]);
    all_are(Err(Reason::NameExpected), &["<? p?><a/>", "<a><?1?></a>"]);
    all_are(Err(Reason::SpaceExpected), &["<?p/x?><a/>"]);
    all_are(Err(Reason::BadColon), &["<?p:q?><a/>"]);
}

#[test]
fn characters_that_xml_does_not_have_are_refused_everywhere() {
    for character in ['\0', '\u{1}', '\u{B}', '\u{1F}', '\u{FFFE}', '\u{FFFF}'] {
        for document in [
            "<a>b_</a>",
            "<a b='_'/>",
            "<a b='&lt;_'/>",
            "<a><!--_--></a>",
            "<?p _?><a/>",
            "<a><![CDATA[_]]></a>",
        ] {
            let document = document.replace('_', &character.to_string());
            assert_eq!(reason(&document), Err(Reason::IllegalCharacter), "{document:?}");
        }
    }
    all_are(
        Err(Reason::IllegalCharacter),
        &[
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>&#xFFFF;</a>",
            "<a>&#x110000;</a>",
            "<a>&#99999999999999999999;</a>",
            "<a b='&#11;'/>",
        ],
    );
}

#[test]
fn references_are_to_the_five_entities_or_to_characters() {
    all_are(Err(Reason::UndeclaredEntity), &["<a>&nbsp;</a>", "<a b='&LT;'/>", "<a>&xxe;</a>"]);
    all_are(
        Err(Reason::BadReference),
        &[
            "<a>& </a>",
            "<a>&</a>",
            "<a>&lt</a>",
            "<a>&#;</a>",
            "<a>&#x;</a>",
            "<a>&#X41;</a>",
            "<a>&#4A;</a>",
            "<a b='&'/>",
            "<a>&;</a>",
        ],
    );
    let zeros = "0".repeat(100);
    assert_eq!(reason(format!("<a>&#{zeros}65;</a>")), Err(Reason::BadReference));
}

#[test]
fn attributes_are_named_once_by_their_expanded_names() {
    let many: String = (0..40).map(|n| format!(" a{n}=''")).collect();
    assert_eq!(reason(format!("<a{many}/>")), Ok(()));
    assert_eq!(reason(format!("<a{many} a17=''/>")), Err(Reason::DuplicateAttribute));
    all_are(
        Err(Reason::DuplicateAttribute),
        &[
            "<a b='' b=''/>",
            "<a b='' c='' b='1'/>",
            "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
            "<a xmlns='u' xmlns='u'/>",
            "<a xmlns:p='u' xmlns:p='v'/>",
        ],
    );
}

#[test]
fn names_follow_namespaces_in_xml() {
    all_are(Err(Reason::UndeclaredPrefix), &["<p:a/>", "<a p:b=''/>", "<a><b xmlns:p='u'/><p:b/></a>"]);
    all_are(
        Err(Reason::BadColon),
        &["<:a/>", "<a:/>", "<a:b:c xmlns:a='u'/>", "<a :b=''/>", "<a b:=''/>", "<a b:1=''/>"],
    );
    all_are(Err(Reason::EmptyPrefix), &["<a xmlns:p=''/>"]);
    all_are(
        Err(Reason::ReservedPrefix),
        &[
            "<a xmlns:xmlns='u'/>",
            "<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns:xml='u'/>",
            "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
            "<xmlns:a/>",
        ],
    );
}

#[test]
fn names_are_resolved_where_they_stand() {
    let seen = read("<a xmlns='u' b='' xmlns:p='v' p:c=''><p:d xmlns:p='w' xmlns=''/><p:e/></a>").unwrap();
    let names = |seen: &Seen| match seen {
        Seen::Start { name, attributes } => {
            let attributes = attributes.iter().map(|(name, _)| name.join("|"));
            Some(std::iter::once(name.join("|")).chain(attributes).collect::<Vec<_>>())
        }
        _ => None,
    };
    let names: Vec<_> = seen.iter().filter_map(names).collect();
    assert_eq!(names, [vec!["u||a", "||b", "v|p|c"], vec!["w|p|d"], vec!["v|p|e"]]);
}

#[test]
fn a_prefix_in_a_value_can_be_resolved_and_known_namespaces_keep_their_numbers() {
    let mut reader = Reader::new(&Limits::default());
    let hl7 = reader.know("urn:hl7-org:v3").unwrap();
    reader.feed(b"<a xmlns='x' xmlns:p='urn:hl7-org:v3' t='p:T'/>");
    let Ok(Step::Event(Event::Start(start))) = reader.next() else { panic!() };
    assert_eq!(start.resolve("p"), Some((hl7, "urn:hl7-org:v3")));
    assert_eq!(start.resolve("").map(|(_, uri)| uri), Some("x"));
    assert_eq!(start.resolve("q"), None);
    assert!(start.is_empty());
}

#[test]
fn line_ends_are_one_character_and_attribute_values_are_normalised() {
    assert_eq!(text_of("<a>1\r\n2\r3\n4&#13;5\r\r\n</a>"), "1\n2\n3\n4\r5\n\n");
    assert_eq!(text_of("<a><![CDATA[1\r\n2\r]]></a>"), "1\n2\n");
    assert_eq!(first_value("<a b='1\r\n2\t3\r4\n5&#9;6&#10;&#13;  7 '/>"), "1 2 3 4 5\t6\n\r  7 ");
    assert_eq!(first_value("<a b='&lt;&amp;amp;&#60;' c='\u{EFFF}'/>"), "<&amp;<");
}

#[test]
fn a_fault_is_told_by_rule_and_exact_place() {
    assert_eq!(read("<a>\r\n õ<b>\n</c></a>").unwrap_err(), malformed(Reason::MismatchedEnd, 12, 3, 1));
    assert_eq!(
        read("<a>\n<õ b='1' b='2'/></a>").unwrap_err(),
        malformed(Reason::DuplicateAttribute, 4, 2, 1)
    );
    assert_eq!(read("<a õ='\u{1}'/>").unwrap_err(), malformed(Reason::IllegalCharacter, 7, 1, 7));
}

#[test]
fn nothing_of_a_document_is_printed() {
    let mut reader = Reader::new(&Limits::default());
    reader.feed(b"<secret secret='secret'>secret</secret>");
    let mut printed = String::new();
    loop {
        let step = reader.next().unwrap();
        printed += &format!("{step:?}");
        match step {
            Step::Event(Event::Start(start)) => {
                let attributes: Vec<_> = start.attributes().collect();
                printed += &format!("{start:?} {:?} {attributes:?} {:?}", start.name(), start.attributes());
            }
            Step::Event(_) => {}
            Step::More => reader.end(),
            Step::Done => break,
        }
        printed += &format!("{reader:?}");
    }
    assert!(printed.contains("Text(…)") && !printed.contains("secret"), "{printed}");
}

#[test]
fn every_reason_has_its_rule_and_remedy_and_gives_no_full_stop() {
    for reason in Reason::ALL {
        assert!(reason.rule().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        for sentence in [reason.says(), reason.remedy()] {
            assert!(!sentence.is_empty() && !sentence.ends_with('.'), "{sentence}");
        }
    }
}
