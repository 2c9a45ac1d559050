"""The inbox: lists, messages and what is written, for whoever has logged in. Everything lies below a folder's path:

/mail/me/Inbox              listing     the list; a POST changes what is chosen in it
/mail/me/Inbox/arrivals     listing     told when something is new
/mail/me/Inbox/17           message     one message and its thread; /html, /part/2, /source, /download, /details
/mail/me/Inbox/write        compose     a new message, or an answer
/mail/me?q=words            listing     what was found
"""
