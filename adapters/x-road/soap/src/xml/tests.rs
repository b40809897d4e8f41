//! What is XML and what is not, and what comes of it.

use super::{Scanner, Token, XmlError, XmlLimit, XmlLimits};

const LIMITS: XmlLimits = XmlLimits {
    bytes_max: 10_000,
    token_bytes_max: 1_000,
    depth_max: 4,
    attributes_max: 4,
    namespaces_max: 3,
};

/// The characters of all texts, each parted by a bar.
fn texts(document: &[u8]) -> Result<String, XmlError> {
    let mut scanner = Scanner::new(document, LIMITS);
    let mut texts = Vec::new();
    loop {
        match scanner.next()? {
            Token::Text => texts.push(scanner.characters().into_owned()),
            Token::EndOfDocument => return Ok(texts.join("|")),
            Token::Start | Token::End | Token::Aside => {}
        }
    }
}

#[test]
fn texts_are_what_they_stand_for() {
    for (document, text) in [
        ("<a>b</a>", "b"),
        (
            "\u{FEFF}<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n<!-- - -->\n<a>b</a>\n",
            "\n|\n|b|\n",
        ),
        ("<a>x&lt;&#x41;&#66;<![CDATA[<&]]]]>y</a>", "x|<|A|B|<&]]|y"),
        ("<a>1\r\n2\r3\n&#13;</a>", "1\n2\n3\n|\r"),
        ("<a\t b = '>' ><c:d xmlns:c='u' c:e=\"'\"/></a >", ""),
        ("<ä:ö xmlns:ä='u'>õ</ä:ö>", "õ"),
    ] {
        assert_eq!(texts(document.as_bytes()), Ok(text.to_owned()), "{document}");
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    use XmlError::*;
    for (document, error) in [
        ("", CutOff),
        ("<a>", CutOff),
        ("<a", CutOff),
        ("<a></b>", EndTag),
        ("</a>", EndTag),
        ("<a/><b/>", BesideRoot),
        ("<a/>text", BesideRoot),
        ("&#32;<a/>", BesideRoot),
        ("<a/><![CDATA[]]>", BesideRoot),
        ("<1/>", Markup),
        ("< a/>", Markup),
        ("<a b/>", Markup),
        ("<a b=c/>", Markup),
        ("<a b='1'c='2'/>", Markup),
        ("<a b='<'/>", Markup),
        ("<a/ >", Markup),
        ("<a:b:c xmlns:a='u'/>", Markup),
        ("<a>]]></a>", Markup),
        ("<a><!-- -- --></a>", Markup),
        ("<a><!-- ---></a>", Markup),
        ("<a b='1' b='2'/>", DuplicateAttribute),
        ("<a xmlns='u' xmlns='u'/>", DuplicateAttribute),
        ("<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", DuplicateAttribute),
        ("<a>&e;</a>", Reference),
        ("<a>&</a>", Reference),
        ("<a>&#0;</a>", Reference),
        ("<a>&#xD800;</a>", Reference),
        ("<a>&#+65;</a>", Reference),
        ("<a>&#xFFFE;</a>", Reference),
        ("<a b='&e;'/>", Reference),
        ("<a b='&'/>", Reference),
        ("<a>\u{1}</a>", Character),
        ("<a>\u{FFFF}</a>", Character),
        ("<a b='\u{1}'/>", Character),
        ("<a><!--\u{1}--></a>", Character),
        ("<a><![CDATA[\u{1}]]></a>", Character),
        ("<!DOCTYPE a><a/>", Doctype),
        ("<a><?p?></a>", ProcessingInstruction),
        ("<?XML version='1.0'?><a/>", ProcessingInstruction),
        (" <?xml version='1.0'?><a/>", Declaration),
        ("<a><?xml version='1.0'?></a>", Declaration),
        ("<?xml version='1.1'?><a/>", Declaration),
        ("<?xml encoding='utf-8'?><a/>", Declaration),
        ("<?xml version='1.0' standalone='no' encoding='utf-8'?><a/>", Declaration),
        ("<?xml version='1.0' version='1.0'?><a/>", Declaration),
        ("<?xml version='1.0' encoding='iso-8859-1'?><a/>", Encoding),
        ("<p:a/>", Namespace),
        ("<a p:b='1'/>", Namespace),
        ("<a><b xmlns:p='u'/><p:c/></a>", Namespace),
        ("<a xmlns:p=''/>", Namespace),
        ("<a xmlns:xml='u'/>", Namespace),
        ("<a xmlns:xmlns='u'/>", Namespace),
        ("<xmlns:a/>", Namespace),
        ("<a xmlns='http://www.w3.org/XML/1998/namespace'/>", Namespace),
        ("<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", Namespace),
        ("<a><a><a><a><a/></a></a></a></a>", Limit(XmlLimit::Depth)),
        ("<a b='' c='' d='' e='' f=''/>", Limit(XmlLimit::Attributes)),
        (
            "<a xmlns:b='b'><a xmlns:c='c'><a xmlns:d='d'><a xmlns:e='e'/></a></a></a>",
            Limit(XmlLimit::Namespaces),
        ),
    ] {
        assert_eq!(texts(document.as_bytes()), Err(error), "{document}");
    }
    assert_eq!(texts(b"<a>\xFF</a>"), Err(Encoding));
    assert_eq!(texts(b"\xFE\xFF\0<\0a\0/\0>"), Err(Encoding));
}

#[test]
fn long_documents_and_long_tokens_are_refused() {
    let long = format!("<a>{}</a>", "b".repeat(2_000));
    assert_eq!(texts(long.as_bytes()), Err(XmlError::Limit(XmlLimit::TokenBytes)));
    let long = format!("<a>{}</a>", "<b/>".repeat(3_000));
    assert_eq!(texts(long.as_bytes()), Err(XmlError::Limit(XmlLimit::Bytes)));
}

#[test]
fn names_and_attributes_are_resolved() {
    let document = "<a xmlns='u' xmlns:p='v' b='1' p:c=' &#10;\n&amp;'><p:d xmlns=''><e/></p:d></a>";
    let mut scanner = Scanner::new(document.as_bytes(), LIMITS);
    scanner.limits.attributes_max = 10;
    let mut names = Vec::new();
    while let Ok(token) = scanner.next() {
        match token {
            Token::Start => {
                let (namespace, local) = scanner.name();
                names.push(format!("{namespace}:{local}"));
                for attribute in scanner.attributes().unwrap() {
                    names.push(format!("{}:{}={:?}", attribute.namespace, attribute.local, attribute.value));
                }
            }
            Token::EndOfDocument => break,
            Token::End | Token::Text | Token::Aside => {}
        }
    }
    assert_eq!(names, ["u:a", ":b=\"1\"", "v:c=\" \\n &\"", "v:d", ":e"]);
}
