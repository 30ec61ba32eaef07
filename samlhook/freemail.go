package samlhook

// freeMail are providers that give an address to anybody.
var freeMail = []string{
	"10minutemail.com", "126.com", "163.com", "aol.com", "att.net", "bellsouth.net", "bigpond.com", "bol.com.br",
	"btinternet.com", "charter.net", "comcast.net", "cox.net", "daum.net", "email.com", "fastmail.com", "free.fr",
	"freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com",
	"guerrillamail.com", "hanmail.net", "hey.com", "hotmail.co.uk", "hotmail.com", "hotmail.de", "hotmail.es",
	"hotmail.fr", "hotmail.it", "hushmail.com", "icloud.com", "inbox.com", "interia.pl", "laposte.net", "libero.it",
	"live.co.uk", "live.com", "live.de", "live.fr", "live.nl", "mac.com", "mail.com", "mail.ru", "mailinator.com",
	"me.com", "msn.com", "naver.com", "o2.pl", "onet.pl", "optusnet.com.au", "orange.fr", "outlook.com", "outlook.de",
	"outlook.es", "outlook.fr", "pm.me", "proton.me", "protonmail.com", "qq.com", "rediffmail.com", "rocketmail.com",
	"rogers.com", "sbcglobal.net", "seznam.cz", "sfr.fr", "shaw.ca", "sina.com", "sky.com", "sympatico.ca",
	"t-online.de", "terra.com.br", "tiscali.it", "tuta.com", "tuta.io", "tutanota.com", "ukr.net", "uol.com.br",
	"verizon.net", "virgilio.it", "virginmedia.com", "wanadoo.fr", "web.de", "wp.pl", "yahoo.co.in", "yahoo.co.jp",
	"yahoo.co.uk", "yahoo.com", "yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.it", "yandex.com",
	"yandex.ru", "ymail.com", "yopmail.com", "zoho.com", "zohomail.com",
}
