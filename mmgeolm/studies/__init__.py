"""The paper's studies (arXiv 2505.20152, section 5 and appendices), each one command: `mmgeolm study NAME`.

A study is rows (encoders and how they are trained) and columns (what is measured). [`definitions`] says which, with
the paper's figures; [`generated`] runs them on generated diagrams with small models, [`published`] at full size by the
commands of the library; [`texts`] are the two studies that train nothing; [`tables`] writes what was found.
"""
