// Sends the form of a page that is only a step on the way. Without scripts its button does.
document.querySelector("form[data-submit]").submit();
